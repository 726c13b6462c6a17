# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario collected about one takeover, and the moments that follow from it."""
from dataclasses import dataclass, field

STOCK_SUFFIX = "fs"         # resources are GROUP-something; this one's agent is not ours


@dataclass
class Group:
    name: str
    addresses: list


@dataclass
class Evidence:
    """All times are seconds since 1970. A lock is (file name, first byte, last byte)."""
    name: str                           # of the phase, for messages
    group: Group                        # the one that moves
    others: list                        # groups that must not notice
    planned: bool
    old_node: str
    new_node: str
    began: float                        # the workload runs undisturbed from here
    cut: float                          # power cut, or the order to move
    ended: float = 0.0
    trace: object = None                # audits.trace.Trace
    operations: list = field(default_factory=list)  # of all nodes, from their Pacemaker logs
    histories: list = field(default_factory=list)
    probes: dict = field(default_factory=dict)      # group name -> answers of graceprobe
    expected: dict = field(default_factory=dict)    # group name -> {lock: (client address, version)}
    before: dict = field(default_factory=dict)      # group name -> locks in the server's table
    after: dict = field(default_factory=dict)
    clients: list = field(default_factory=list)     # addresses on the moving group's list
    also_moved: list = field(default_factory=list)  # groups that went down with the old node too
    leftovers: list = field(default_factory=list)   # of the group, on the node it left
    silent: list = field(default_factory=list)      # workers that heard nothing after the takeover
    journal_replayed: bool = False      # at the mount on the new node
    device_busy: bool = False           # superblock still alive on the node it left

    # moments

    @property
    def starts(self):
        """Start actions of the group's resources on the new node, in order."""
        return [op for op in self.operations
                if op.node == self.new_node and op.action == "start" and op.begin >= self.cut and
                op.resource.startswith(self.group.name + "-")]

    @property
    def unasked(self):
        """Starts and stops that the scenario did not cause."""
        def caused(op):
            mine = op.resource.startswith(self.group.name + "-") and op.begin >= self.cut
            return mine or not any(op.resource.startswith(g.name + "-")
                                   for g in [self.group] + self.others)
        return [op for op in self.operations if op.action in ("start", "stop") and
                self.began <= op.begin <= self.ended and not caused(op)]

    @property
    def takeover(self):
        """When the new node's first start action began; None: never."""
        return min((op.begin for op in self.starts), default=None)

    @property
    def grace_answers(self):
        since = self.takeover if self.takeover is not None else self.cut
        return [a for a in self.probes.get(self.group.name, [])
                if a["t_asked"] >= since and a["status"] == "grace"]

    @property
    def grace_begin(self):
        """First "in grace" a probe heard from the new node; None: there was no grace."""
        return self.grace_answers[0]["t"] if self.grace_answers else None

    @property
    def grace_surely_until(self):
        """The server was in grace at this moment or later."""
        return self.grace_answers[-1]["t_asked"] if self.grace_answers else None

    @property
    def grace_end(self):
        """First answer of the new node after grace."""
        if not self.grace_answers:
            return None
        last = self.grace_answers[-1]["t"]
        return next((a["t"] for a in self.probes[self.group.name] if a["t_asked"] > last), None)

    @property
    def reclaims(self):
        if self.takeover is None:
            return []
        return self.trace.reclaims(self.group.addresses, self.takeover, self.ended)

    @property
    def first_lock(self):
        """First reclaim granted; where nobody had locks, the first new lock; None: neither."""
        if self.takeover is None:
            return None
        granted = self.reclaims or self.trace.new_grants(self.group.addresses, self.takeover,
                                                         self.ended)
        return granted[0].t if granted else None

    @property
    def notifies(self):
        apart = {address for group in self.also_moved for address in group.addresses}
        return [n for n in self.trace.notified(self.cut, self.ended) if n.source not in apart]

    def own_agents_s(self):
        """Seconds inside our own agents' start actions until the first lock was granted."""
        first = self.first_lock
        if first is None:
            return None
        return sum(max(0, min(op.end or first, first) - op.begin) for op in self.starts
                   if op.resource != "%s-%s" % (self.group.name, STOCK_SUFFIX))

    def of_group(self, name, *modes):
        return [h for h in self.histories if h.group == name and h.mode in modes]
