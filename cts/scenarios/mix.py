# SPDX-License-Identifier: GPL-2.0-or-later
"""The mixed lock workload (workload/lockmix.c) on all clients, in all groups, for audits/lockjudge.py."""
import concurrent.futures
import time

from audits import lockjudge

from . import workload

LOCKMIX = "/run/lab/lockmix"
VERSIONS = (("3", "4.2"), ("3", "4.1"), ("3", "4.0"))     # of the first client, the second ...
MOUNT_TIMEOUT_S = 90
POLL_S = 0.2
DRAIN_S = 75            # the program itself gives up earlier


class Instance:
    """One lockmix: one mount of one client."""

    def __init__(self, node, group, version, number):
        self.node, self.group, self.version, self.number = node, group, version, number
        self.handle = self.log = None
        self.place = 0                  # in its output file

    def mount(self):
        """By different addresses of the group for different mounts."""
        at = workload.mount_point(self.group, self.version)
        source = "%s:%s" % (self.group.addresses[self.number % len(self.group.addresses)], self.group.export)
        self.node.run("mountpoint -q %s || { mkdir -p %s && mount -t nfs -o vers=%s,hard %s %s; }"
                      % (at, at, self.version, source, at), timeout=MOUNT_TIMEOUT_S)
        return at

    def start(self, seed, total, counts):
        at = self.mount()
        self.log = lockjudge.Log(self.node.name, self.group.name, self.version)
        self.place = 0
        self.handle = self.node.spawn([LOCKMIX, at, str(seed), str(self.number), str(total)] +
                                      [str(count) for count in counts])

    @property
    def running(self):
        return self.node.alive and self.handle.running

    def read(self):
        over = not self.running         # asked first: what came until then is read
        with open(self.handle.path, errors="replace") as f:
            f.seek(self.place)
            text = f.read()
            self.place = f.tell()
        self.log.feed(text)
        self.log.closed = over
        return self.log


class Mix:
    """seed: of all choices; holders, mixers: per mount; probers: per mount of one client for each group."""

    def __init__(self, bench, groups, seed, holders=1, mixers=1, probers=1):
        self.bench, self.seed, self.counts = bench, seed, (holders, mixers, probers)
        self.past = []                  # logs of clients that died
        self.instances = [Instance(node, group, VERSIONS[i % len(VERSIONS)][v], v * len(bench.lab.clients) + i)
                          for group in groups for v in range(2) for i, node in enumerate(bench.lab.clients)]

    def start(self, node=None):
        """On all clients, or again on one that was booted again."""
        chosen = [i for i in self.instances if node in (None, i.node)]
        self.past += [i.read() for i in chosen if i.log]
        nodes = {i.node for i in chosen}
        with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(lambda n: [self.launch(i) for i in chosen if i.node is n], nodes))
        self.seed += 1

    def launch(self, instance):
        total = sum(i.group is instance.group for i in self.instances)
        holders, mixers, probers = self.counts
        probes = instance.number % len(self.bench.lab.clients) == instance.group.number % len(self.bench.lab.clients)
        instance.start(self.seed, total, (holders, mixers, probers if probes else 0))
        if instance.version == "3":
            instance.group.lockers.add(instance.node.ip)

    def wait_settled(self, timeout=60):
        """Until every holder has read its token back."""
        deadline = time.monotonic() + timeout
        waiting = self.instances
        while waiting:
            waiting = [i for i in waiting if not i.read().verified]
            if waiting and time.monotonic() > deadline:
                raise workload.WorkloadTimeout("nothing locked: " + ", ".join(i.log.owner for i in waiting))
            time.sleep(POLL_S if waiting else 0)

    def logs(self):
        """All histories up to now, for lockjudge.judge()."""
        return self.past + [i.read() for i in self.instances if i.log]

    def stop(self):
        """Has everything released, everybody who waits served, and returns logs()."""
        running = [i for i in self.instances if i.log and i.running]
        for instance in running:
            instance.handle.signal()
        deadline = time.monotonic() + DRAIN_S
        while any(i.running for i in running) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        for instance in running:
            if instance.running:
                instance.handle.stop(timeout=2)
        return self.logs()
