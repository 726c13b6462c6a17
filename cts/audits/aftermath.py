# SPDX-License-Identifier: GPL-2.0-or-later
"""What is looked at after each fault; every audit says in one line what it found."""
import re
from dataclasses import dataclass, field

from . import lockjudge

THREADS_PER_GROUP = 8
# Of the nodes' kernels, whose consoles show warnings and worse.
KERNEL_TROUBLE = re.compile(r"WARNING:|BUG:|Oops|Call Trace|refcount|leaked|blocked for more than|"
                            r"Kernel panic|EXT4-fs error|lockd: cannot|nfsd: .*(fail|unable)")
# Of Pacemaker's logs: what a sound cluster never says, whatever befell it.
CLUSTER_TROUBLE = re.compile(r"(?i)segfault|core dumped|assert|failed to fence|ocf-exit-reason|"
                             r"split brain|poisoned|data is at risk")


@dataclass
class Aftermath:
    """What was collected about one fault. Times are seconds since 1970."""
    fault: object                       # faults.base.Fault
    groups: dict                        # name -> scenarios.bench.Group
    began: float
    ended: float = 0.0
    operations: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)     # group name -> answers of graceprobe
    trace: object = None                            # audits.trace.Trace
    nodes: dict = field(default_factory=dict)       # node name -> what nodefacts.py --all says
    places: dict = field(default_factory=dict)      # group name -> node name
    online: set = field(default_factory=set)
    servers: set = field(default_factory=set)
    failed: list = field(default_factory=list)      # failed actions, as text
    fenced: set = field(default_factory=set)
    lists: dict = field(default_factory=dict)       # group name -> {(client, kind)}, before
    logs: list = field(default_factory=list)        # the instances' histories
    silent: list = field(default_factory=list)      # who was served no more
    cluster_lines: dict = field(default_factory=dict)   # node name -> lines of Pacemaker's log
    kernel_lines: dict = field(default_factory=dict)
    clients: dict = field(default_factory=dict)     # address -> client's name
    baseline: dict = field(default_factory=dict)    # group name -> ms
    still: dict = field(default_factory=dict)       # node name -> [(begin, end)] when it stood still
    earlier: dict = field(default_factory=dict)     # group name -> outages of faults before

    def starts(self, group):
        """Openings of the group's server that went well, in order."""
        return [op for op in self.operations if op.resource == group + "-lock" and
                op.action == "start" and op.rc == 0]

    def graces(self, group):
        """(begin, surely until, over) of each epoch's grace; None, None where nobody heard of one."""
        starts = self.starts(group)
        for i, op in enumerate(starts):
            until = starts[i + 1].begin if i + 1 < len(starts) else self.ended
            heard = [a for a in self.answers[group] if op.begin <= a["t_asked"] < until]
            grace = [a for a in heard if a["status"] == "grace"]
            if not grace:
                yield op.begin, None, None
                continue
            over = next((a["t"] for a in heard if a["t_asked"] > grace[-1]["t"]), None)
            # One that the next start cut short lasted to its end.
            yield op.begin, grace[-1]["t_asked"] if over else until, over or until

    @property
    def restarted(self):
        return {name for name in self.groups if self.starts(name)}

    def affected(self, group):
        return group in self.restarted or group in self.fault.epochs

    @property
    def outages(self):
        """{group: [(begin, end)]} in which nobody need be served."""
        found = {name: list(self.earlier.get(name, ())) for name in self.groups}
        for name in filter(self.affected, self.groups):
            ends = [over for _, _, over in self.graces(name) if over]
            found[name].append((self.began, max(ends, default=self.ended)))
        return found


def audit(after):
    """(numbers, {audit's name: (passed, line)})."""
    numbers, lines = {}, {}
    for part in (locks, grace, client_list, notification, leftovers, cluster, log_lines):
        found, problems, line = part(after)
        numbers.update(found)
        lines[part.__name__] = (not problems, "; ".join(problems) if problems else line)
    return numbers, lines


def locks(after):
    """By the holders and by the servers' tables; see lockjudge."""
    tables = [(name, here["begin"], here["end"],
               {tuple(lock) for lock in here["locks"] if lock[0].startswith(lockjudge.FILES)})
              for name, here in served(after)]
    excused = [(client, after.began, after.ended) for client in after.fault.forfeited]
    baseline = {name: ms for name, ms in after.baseline.items() if not after.affected(name)}
    report, problems = lockjudge.judge(after.logs, after.began, after.ended, after.outages, excused,
                                       tables, baseline, after.still, after.places)
    if after.fault.stalls:
        problems = [p for p in problems if not p.startswith("slow:")]
    problems += ["nobody serves %s" % who for who in after.silent]
    problems += sorted({"%s asked %s for a lock back after grace, %.1f s after the first message" % (
        after.clients.get(lock.client, lock.client), name, lock.t_asked - after.starts(name)[-1].end)
        for name, group in after.groups.items() if after.starts(name)
        for lock in after.trace.locks_of(group.addresses, after.starts(name)[-1].end, after.ended)
        if lock.reclaim and lock.what == "lock" and lock.status != "granted"})
    numbers = {key: report[key] for key in ("locks", "locks_lost", "granted_twice",
                                            "other_group_max_wait_ms", "other_group_max_delay_ms")}
    return numbers, problems, "%d taken, %d proved, none lost" % (report["locks"], report["verified"])


def served(after):
    for facts in after.nodes.values():
        for name, here in facts["groups"].items():
            if here["served"]:
                yield name, here


def grace(after):
    """Only groups that started are in it, and each that did was."""
    problems, told = [], []
    for name in after.groups:
        spans = list(after.graces(name))
        begins = [begin for begin, _, _ in spans]
        stray = [a for a in after.answers[name] if a["status"] == "grace" and
                 not any(begin <= a["t"] for begin in begins)]
        if stray:
            problems.append("%s was in grace without a start" % name)
        if spans and after.lists[name] and spans[-1][1] is None:
            problems.append("%s was never in grace" % name)
        if spans and after.answers[name] and after.answers[name][-1]["status"] == "grace":
            problems.append("%s is in grace still" % name)
        told += ["%s %.1f s" % (name, over - begin) for begin, _, over in spans[-1:] if over]
    return {}, problems, "only what started was in it: " + (", ".join(told) or "nothing")


def client_list(after):
    """Every NFSv3 locker is on it, everybody who holds a lock over NFSv4, and nobody who never locked there."""
    problems, told, seen = [], [], []
    for name, here in served(after):
        listed = {client for client, kind in here["list"] if kind == "NFSv3"}
        lockers = after.groups[name].lockers
        seen.append(name)
        told.append("%s %d" % (name, len(here["list"])))
        problems += ["%s is not on the list of %s" % (c, name) for c in sorted(lockers - listed)]
        problems += ["%s is on the list of %s" % (c, name) for c in sorted(listed - lockers)]
        owners = [client for client, kind in here["list"] if kind == "NFSv4"]
        problems += ["%s holds locks over NFSv%s and is not on the list of %s" % (log.node, log.version, name)
                     for log in after.logs if log.group == name and log.version != "3" and
                     any(hold.t0 < here["begin"] and hold.t1 > here["end"] for hold in log.holds) and
                     not any(owner.startswith("Linux NFSv%s %s" % (log.version, log.node)) for owner in owners)]
    if sorted(seen) != sorted(after.groups):
        problems.append("served: %s" % " ".join(sorted(seen)))
    return {}, problems, "on the lists: " + ", ".join(sorted(told))


def notification(after):
    """The right clients, of all identifiers and no others, inside grace only."""
    problems, outside_grace, outside_group = [], 0, 0
    owner = {address: name for name, group in after.groups.items() for address in group.addresses}
    spans = {name: list(after.graces(name)) for name in after.groups}
    sent = [n for n in after.trace.notified(after.began, after.ended) if n.source not in after.clients]
    for n in sent:
        name = owner.get(n.source)
        if name is None or n.name != n.source or n.client not in after.groups[name].lockers:
            outside_group += 1
            problems.append("%s was told %s by %s" % (n.client, n.name, n.source))
            continue
        if not any(until and begin <= n.t <= until for begin, until, _ in spans[name]):
            outside_grace += 1
            problems.append("%s was told by %s outside grace" % (n.client, n.source))
    for name, group in after.groups.items():
        begin = spans[name][-1][0] if spans[name] else None
        done = {(n.client, n.source) for n in sent if begin is not None and n.t >= begin and n.t_ack}
        wanted = {(client, address) for client in group.lockers for address in group.addresses
                  if after.clients[client] not in after.fault.unreachable} if spans[name] else set()
        problems += ["%s never acknowledged %s" % pair for pair in sorted(wanted - done)]
    told = sorted({after.clients[n.client] for n in sent if n.client in after.clients})
    return ({"notified_outside_grace": outside_grace, "notified_outside_group": outside_group}, shorten(problems),
            "%d messages to %s" % (len(sent), " ".join(told) or "nobody"))


def leftovers(after):
    problems = []
    for node, facts in after.nodes.items():
        here = [name for name, group in facts["groups"].items() if group["served"]]
        for name, group in facts["groups"].items():
            problems += ["%s of %s: %s" % (node, name, what) for what in group.get("leftovers", [])]
        if facts["threads"]["nfsd"] != THREADS_PER_GROUP * len(here):
            problems.append("%s: %d nfsd threads, %d groups" % (node, facts["threads"]["nfsd"], len(here)))
        if facts["threads"]["lockd"] != bool(here):
            problems.append("%s: %d lockd threads" % (node, facts["threads"]["lockd"]))
    return {}, shorten(problems), "nothing of groups where they are not"


def cluster(after):
    """Everything runs, what restarted was meant to, and nobody was fenced without need."""
    fault, problems = after.fault, []
    problems += ["%s runs nowhere" % name for name, node in after.places.items() if not node]
    problems += ["%s is not online" % node for node in sorted(after.servers - after.online)]
    for name in after.groups:
        least, most = fault.epochs.get(name, (0, 0))
        count = len(after.starts(name))
        if not least <= count <= most:
            problems.append("%s started %d times, not %s" % (
                name, count, least if least == most else "%d to %d" % (least, most)))
    if not fault.fenced <= after.fenced <= fault.fenced | fault.may_be_fenced:
        problems.append("fenced: %s instead of %s" % (" ".join(sorted(after.fenced)) or "nobody",
                                                      " ".join(sorted(fault.fenced)) or "nobody"))
    expected = tuple(resource + "_" for resource in fault.failures)
    problems += ["failed: " + text for text in after.failed if not text.startswith(expected or ("//",))]
    return {}, shorten(problems), "all run, %s restarted, %s fenced" % (
        " ".join(sorted(after.restarted)) or "nothing", " ".join(sorted(after.fenced)) or "nobody")


def log_lines(after):
    problems = ["%s: %s" % (node, line.strip()) for node, lines in after.kernel_lines.items()
                for line in lines if KERNEL_TROUBLE.search(line)]
    problems += ["%s: %s" % (node, line.strip()) for node, lines in after.cluster_lines.items()
                 for line in lines if CLUSTER_TROUBLE.search(line) and
                 not any(words in line for words in after.fault.failures | after.fault.complaints)]
    count = sum(len(lines) for lines in list(after.kernel_lines.values()) + list(after.cluster_lines.values()))
    return {}, shorten(problems), "%d lines, no trouble" % count


def shorten(problems, most=6):
    left = len(problems) - most
    return problems[:most] + (["and %d more" % left] if left > 0 else [])
