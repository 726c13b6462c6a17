# SPDX-License-Identifier: GPL-2.0-or-later
"""One takeover of a group under a lock workload, and what an auditor collects of it."""
import concurrent.futures
import time

from audits import judge, timeline
from audits.evidence import Evidence
from audits.trace import Trace

from . import bench as bench_module
from . import workload

BASELINE_S = 12
END_TIMEOUT_S = 90
SETTLE_S = 2
POLL_S = 0.5


class Takeover:
    """`group` goes from where it is to another node, while `others` go on.

    empty: nobody locks in the group before the takeover.
    """

    parts = judge.PARTS

    def __init__(self, bench, name, group, others, planned=False, empty=False):
        self.bench, self.name, self.group, self.others = bench, name, group, list(others)
        self.planned, self.empty = planned, empty
        self.holder, self.rival, self.bystander = bench.lab.clients[:3]
        self.load = workload.Workload()
        self.evidence = self.capture = None

    def run(self):
        """(report, problems, timeline) of the whole takeover."""
        self.mount()
        self.capture = self.bench.capture()
        try:
            self.begin()
            self.take_over()
            self.finish()
        finally:
            self.capture.stop()
            histories = self.load.stop()
        self.evidence.histories = histories
        self.evidence.trace = Trace(self.capture.path)
        report, problems = judge.judge(self.evidence, self.parts)
        return report, problems, timeline.tell(self.evidence, report, problems)

    # before

    def mount(self):
        """The bystander mounts only the groups that stay."""
        groups = [self.group] + self.others
        wanted = {self.holder: groups, self.rival: groups, self.bystander: self.others}
        with concurrent.futures.ThreadPoolExecutor(len(wanted)) as pool:
            list(pool.map(lambda item: self.mount_on(*item), wanted.items()))
        for group in groups:
            self.rival.run(["touch", "%s/%s" % (workload.mount_point(group, "3"),
                                                bench_module.PROBE_FILE)])
            self.bench.watch_grace(group)
        for group in groups:
            self.wait_no_grace(group)

    def mount_on(self, node, groups):
        for group in groups:
            # A client that merely mounts over NFSv4 is one the server must wait for.
            empty = self.empty and group is self.group
            for version in workload.VERSIONS[:1] if empty else workload.VERSIONS:
                workload.mount(node, group, version)

    def wait_no_grace(self, group):
        """An earlier takeover of the group may still be in its grace."""
        def over():
            answers = self.bench.answers(group)
            return answers and answers[-1]["status"] != "grace"
        self.poll(over, END_TIMEOUT_S, "%s: no answer, or in grace" % group.name)

    @staticmethod
    def poll(condition, timeout, what):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("%s for %d s" % (what, timeout))
            time.sleep(POLL_S)

    def begin(self):
        """The workload; then the baseline, undisturbed."""
        for group in self.others + ([] if self.empty else [self.group]):
            self.load.hold(self.holder, group, self.rival)
            self.load.churn(self.bystander if group in self.others else self.rival, group)
            group.lockers |= {w.node.ip for w in self.load.workers
                              if w.group is group and w.version == "3"}
        self.load.wait_settled()
        old = self.bench.where(self.group)
        self.evidence = Evidence(
            name=self.name, group=self.group, others=self.others, planned=self.planned,
            old_node=old.name, new_node="", began=0, cut=0, expected=self.load.held,
            clients=sorted(self.group.lockers), before=self.tables(),
            also_moved=[] if self.planned else self.neighbours(old))
        self.replays_before = self.bench.replays(self.group)
        self.bench.say("%s: %d locks held; %d s of baseline" % (
            self.name, sum(len(held) for held in self.load.held.values()), BASELINE_S))
        time.sleep(SETTLE_S)
        self.evidence.began = time.time()
        time.sleep(BASELINE_S)

    def neighbours(self, node):
        """Groups that go down with that node and are not looked at."""
        return [group for group in self.bench.groups.values()
                if group not in [self.group] + self.others and self.bench.where(group) is node]

    def tables(self):
        return {group.name: self.bench.locks(group, {lock[0] for lock in self.load.held[group.name]})
                for group in [self.group] + self.others if group.name in self.load.held}

    # the takeover

    def take_over(self):
        bench, evidence = self.bench, self.evidence
        old = bench.lab[evidence.old_node]
        if self.planned:
            new = next(n for n in bench.lab.servers if n.alive and n is not old)
            bench.say("%s: moving %s from %s to %s" % (self.name, self.group.name, old, new))
            evidence.cut = time.time()
            bench.move(self.group, new)
        else:
            evidence.cut = bench.power_cut(old)
            bench.wait_started(self.group, lambda name: name != old.name)
        evidence.new_node = bench.where(self.group).name
        evidence.operations = bench.cluster.operations()
        bench.say("%s: %s runs on %s" % (self.name, self.group.name, evidence.new_node))
        if self.empty:
            workload.mount(self.rival, self.group, "4.2")
            self.load.churn(self.rival, self.group)
            self.group.lockers.add(self.rival.ip)

    # after

    def finish(self):
        """Until grace is over, new locks are granted again, and everything was seen once more."""
        bench, evidence = self.bench, self.evidence
        self.wait_no_grace_since(evidence.takeover)
        back = time.time()
        try:
            self.load.wait(lambda w: w.has_spoken(back), END_TIMEOUT_S)
        except workload.WorkloadTimeout as error:
            evidence.silent.append(str(error))
        time.sleep(SETTLE_S)
        evidence.ended = time.time()
        bench.say("%s: new locks are granted" % self.name)
        evidence.after = self.tables()
        evidence.operations = bench.cluster.operations()
        evidence.probes = {g.name: bench.answers(g) for g in [self.group] + self.others}
        replays = bench.replays(self.group)[evidence.new_node]
        evidence.journal_replayed = replays > self.replays_before[evidence.new_node]
        if self.planned:
            found = bench.remains(self.group, bench.lab[evidence.old_node])
            evidence.leftovers, evidence.device_busy = found["leftovers"], found["device_busy"]

    def wait_no_grace_since(self, moment):
        def over():
            answers = [a for a in self.bench.answers(self.group) if a["t_asked"] > moment]
            return answers and answers[-1]["status"] != "grace" and time.time() > moment + SETTLE_S
        self.poll(over, END_TIMEOUT_S, "%s: no answer, or in grace" % self.group.name)


def combine(parts):
    """One scenario's report out of those of its takeovers: sums, unions, and the worst."""
    merged = {}
    for key in dict.fromkeys(key for part in parts for key in part):
        values = [part[key] for part in parts if part.get(key) is not None]
        if not values:
            merged[key] = None
        elif isinstance(values[0], list):
            merged[key] = sorted(set().union(*values))
        elif key.endswith("_ms"):
            merged[key] = max(values)
        else:
            merged[key] = sum(values)
    measured = [p for p in parts if p.get("other_group_max_wait_ms") is not None and
                p.get("other_group_baseline_max_wait_ms") is not None]
    if measured:
        # The two belong together: both of the takeover in which they differ most.
        worst = max(measured, key=lambda p: p["other_group_max_wait_ms"] -
                    p["other_group_baseline_max_wait_ms"])
        for key in ("other_group_max_wait_ms", "other_group_baseline_max_wait_ms"):
            merged[key] = worst[key]
    return merged
