# SPDX-License-Identifier: GPL-2.0-or-later
"""Sixteen groups on one node: started, moved and recovered all at once; time and memory for each."""
import concurrent.futures
import time

from lab import Lab

from . import bench as bench_module
from . import workload

GROUPS = ()
COUNT = 16
MEMORY = "1G"
# All are away as long as the slowest needs, and clients that were told ask when their connections are back.
GRACE_S = 120
SHORTAGE = {"node-action-limit": "4"}   # a node with one processor does not gain by more at once
TOGETHER_S = 600
LETTERS = "ABCDEFGHIJKLMNOP"


class ManyBench(bench_module.Bench):
    def __init__(self, stage, locker, servers, groups, say, failures):
        super().__init__(stage, locker, servers, groups, say, failures)
        self.lab = Lab(servers=servers, clients=1, stage=stage, disks=COUNT, memory=MEMORY)
        self.properties = SHORTAGE
        for number in range(COUNT):
            name = "g%02d" % number
            group = bench_module.Group(number, name, LETTERS[number], ["10.99.0.%d" % (101 + number)])
            group.grace_s = GRACE_S
            self.groups[name] = group

    def first_places(self):
        return dict.fromkeys(self.groups, self.lab.servers[0])


BENCH = ManyBench


def report(bench, _):
    return Many(bench).go()


class Many:
    def __init__(self, bench):
        self.bench, self.groups, self.node = bench, list(bench.groups.values()), bench.lab.servers[0]
        self.client = bench.lab.clients[0]
        self.holders, self.problems, self.numbers = [], [], {"groups": COUNT}

    def go(self):
        bench, first, second = self.bench, *self.bench.lab.servers[:2]
        self.measure("start", first, 0.0)
        self.numbers["memory_mb_per_group"] = self.memory(first, second)
        self.hold()
        began = time.time()
        self.bench.cluster.standby(first)
        self.together("move", second, began)
        bench.cluster.standby(first, on=False)
        bench.cluster.wait_online([first.name])
        began = bench.power_cut(second)
        self.together("recover", first, began)
        self.stop()
        for key, value in self.numbers.items():
            print("%-34s %s" % (key, value))
        return dict(self.numbers, name="many", passed=not self.problems, problems=self.problems)

    def together(self, what, node, began):
        """Until all run there and every holder has its lock."""
        for group in self.groups:
            self.bench.wait_started(group, lambda name: name == node.name)
        back = time.time()
        try:
            self.wait(lambda w: w.has("verified", back), TOGETHER_S)
        except workload.WorkloadTimeout as error:
            self.problems.append("%s: %s" % (what, error))
        self.measure(what, node, began)
        lost = [g.name for g in self.groups
                if self.bench.locks(g, {"held"}) != {("held", 0, workload.HOLD_LEN - 1)}]
        self.numbers["locks_lost_in_%s" % what] = len(lost)
        self.problems += ["%s: %s lost its lock" % (what, name) for name in lost]

    def measure(self, what, node, since):
        """Seconds from the first action to the last start, and inside each group's own starts (median of groups)."""
        starts = [op for op in self.bench.cluster.operations()
                  if op.node == node.name and op.action == "start" and op.begin >= since and op.rc == 0 and
                  op.resource.partition("-")[0] in self.bench.groups]
        whole = max(op.end for op in starts) - (since or min(op.begin for op in starts))
        inside = sorted(sum(op.end - op.begin for op in starts if op.resource.startswith(g.name + "-"))
                        for g in self.groups)
        self.numbers["%s_s" % what] = round(whole, 1)
        self.numbers["%s_s_per_group" % what] = round(inside[len(inside) // 2], 2)
        self.bench.say("many: %s of %d groups: %.1f s" % (what, COUNT, whole))

    @staticmethod
    def memory(loaded, idle):
        """MB that a group takes, of what a node with all has less than one with none."""
        free = [int(node.run("grep MemAvailable /proc/meminfo").out.split()[1]) for node in (idle, loaded)]
        return round((free[0] - free[1]) / 1024 / COUNT, 1)

    def hold(self):
        """One lock in each group, every other one over NFSv4.2."""
        versions = [workload.VERSIONS[g.number % 2] for g in self.groups]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda g, v: workload.mount(self.client, g, v), self.groups, versions))
        self.holders = [workload.Worker(self.client, g, v, "hold", (0, workload.HOLD_LEN), "held")
                        for g, v in zip(self.groups, versions)]
        self.wait(lambda w: w.has("verified"), 60)

    def wait(self, condition, timeout_s):
        load = workload.Workload()
        load.workers = self.holders
        load.wait(condition, timeout_s)

    def stop(self):
        load = workload.Workload()
        load.workers = self.holders
        for history in load.stop():
            self.problems += ["%s: %s %s" % (history.owner, e["kind"], e["error"])
                              for e in history.of_kind("error", "overwritten")]
