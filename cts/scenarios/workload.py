# SPDX-License-Identifier: GPL-2.0-or-later
"""The lock workload on the client nodes: mounts, processes, their histories."""
import time

from audits import history

LOCKER = "/run/lab/locker"
HOLD_COUNT, HOLD_LEN = 4, 4096
CHURN_SPAN = 1 << 16
CHURN_HOLD_MS, CHURN_PAUSE_MS = 5, 25
TRY_PERIOD_MS = 500
MEGABYTE = 1 << 20
VERSIONS = ("3", "4.2")
TAIL_BYTES = 8192
EXPECTED = {"hold": "verified", "churn": "granted", "try": "denied"}


class WorkloadTimeout(Exception):
    pass


def mount_point(group, version):
    return "/mnt/%s.v%s" % (group.name, version)


def mount(node, group, version):
    """By different addresses of the group for different clients and versions."""
    at = mount_point(group, version)
    index = (int(node.name[1:]) + VERSIONS.index(version)) % len(group.addresses)
    source = "%s:%s" % (group.addresses[index], group.export)
    node.run("mountpoint -q %s || { mkdir -p %s && mount -t nfs -o vers=%s,hard %s %s; }"
             % (at, at, version, source, at), timeout=90)


class Worker:
    """One locker process."""

    def __init__(self, node, group, version, mode, words, file_name):
        self.node, self.group, self.version, self.mode = node, group, version, mode
        self.owner = "%s %s over NFSv%s in %s" % (node.name, mode, version, group.name)
        self.path = "%s/%s" % (mount_point(group, version), file_name)
        self.handle = node.spawn([LOCKER, mode, self.path] + [str(word) for word in words])

    def recent(self):
        """The last events only: histories grow long."""
        with open(self.handle.path, "rb") as f:
            size = f.seek(0, 2)
            f.seek(max(0, size - TAIL_BYTES))
            text = f.read().decode(errors="replace")
        if size > TAIL_BYTES:
            text = text.partition("\n")[2]
        return list(history.parse(text))

    def has(self, kind, since=0.0):
        return any(e["kind"] == kind and e["t"] > since for e in self.recent())

    def has_spoken(self, since):
        """Whether the server answered it, well or badly."""
        return any(e["kind"] in (EXPECTED[self.mode], "granted", "error") and e["t"] > since
                   for e in self.recent())

    def history(self):
        return history.History(self.owner, self.group.name, self.version, self.mode,
                               self.node.ip, self.handle.output())


class Workload:
    """Everything that locks during one takeover."""

    def __init__(self):
        self.workers = []
        self.held = {}          # group name -> {lock: (client address, version)}

    def hold(self, node, group, rival):
        """`node` holds locks over both protocols; `rival` tries the first of each."""
        for number, version in enumerate(VERSIONS):
            start = (group.number * len(VERSIONS) + number + 1) * MEGABYTE
            name = "hold.v" + version
            self.workers.append(Worker(node, group, version, "hold",
                                       (start, HOLD_LEN, HOLD_COUNT), name))
            for i in range(HOLD_COUNT):
                first = start + 2 * i * HOLD_LEN
                self.held.setdefault(group.name, {})[(name, first, first + HOLD_LEN - 1)] = (
                    node.ip, version)
        self.wait(lambda w: w.mode != "hold" or w.has("verified"), 60)
        for worker in [w for w in self.workers if w.mode == "hold" and w.group is group]:
            start = min(lock[1] for lock, (_, version) in self.held[group.name].items()
                        if version == worker.version)
            self.workers.append(Worker(rival, group, worker.version, "try",
                                       (start, HOLD_LEN, TRY_PERIOD_MS),
                                       worker.path.rpartition("/")[2]))

    def churn(self, node, group):
        for version in VERSIONS:
            self.workers.append(Worker(node, group, version, "churn",
                                       (0, CHURN_SPAN, CHURN_HOLD_MS, CHURN_PAUSE_MS),
                                       "churn.%s.v%s" % (node.name, version)))

    def of(self, group, mode):
        return [w for w in self.workers if w.group is group and w.mode == mode]

    def wait(self, condition, timeout):
        """Until it holds for every worker."""
        deadline = time.monotonic() + timeout
        waiting = list(self.workers)
        while waiting:
            waiting = [w for w in waiting if not condition(w)]
            if waiting and time.monotonic() > deadline:
                last = ["%s, last: %s" % (w.owner, (w.recent() or ["nothing"])[-1]) for w in waiting]
                raise WorkloadTimeout("; ".join(last))
            time.sleep(0.2 if waiting else 0)

    def wait_settled(self, timeout=60):
        """Holders hold, churners churn, and who tries is denied."""
        self.wait(lambda w: w.has(EXPECTED[w.mode]), timeout)

    def stop(self):
        """Ends all processes and returns their histories."""
        for worker in self.workers:
            if worker.node.alive and worker.handle.running:
                worker.handle.signal()
        for worker in self.workers:
            if worker.node.alive:
                worker.handle.stop()
        return [worker.history() for worker in self.workers]
