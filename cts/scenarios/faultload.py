# SPDX-License-Identifier: GPL-2.0-or-later
"""The mixed workload over many faults: each is judged by what was written since the one before."""
import signal
import time

from audits import lockjudge
from audits.mixlog import SILENT

from . import mix

SETTLED_S = 90
MOUNTS_WITH_PROBER = 2


class Load(mix.Mix):
    """Each group has a client that never locks in it, and must never hear of it."""

    def __init__(self, bench, groups, seed):
        super().__init__(bench, groups, seed)
        clients = bench.lab.clients
        self.instances = [i for i in self.instances
                          if i.node is not clients[(i.group.number + 2) % len(clients)]]
        for group in groups:
            for number, instance in enumerate(i for i in self.instances if i.group is group):
                instance.number = number

    def start(self, node=None):
        """What the clients' clocks are apart, on a busy machine more than the judge expects, is no double grant."""
        nodes = {i.node for i in self.instances if node in (None, i.node)}
        for each in nodes:
            each.set_clock()
            offset, error = each.clock_offset()
            lockjudge.CLOCK_ERROR_S = max(lockjudge.CLOCK_ERROR_S, 2 * (abs(offset) + error))
        super().start(node)
        for log in self.past:
            if node is None or log.node == node.name:
                for hold in log.holds:  # its mounts told the servers that it was booted
                    hold.gone = min(hold.gone, time.time())

    def launch(self, instance):
        """Each fault is to be survived by locks over all versions; two mounts of a group are probed."""
        total = sum(i.group is instance.group for i in self.instances)
        holders, mixers, probers = self.counts
        prober = instance.number < MOUNTS_WITH_PROBER
        instance.start(self.seed, total, (holders, mixers, probers if prober else 0))
        if instance.version == "3":
            instance.group.lockers.add(instance.node.ip)

    @staticmethod
    def spoke(instance, since):
        """Whether the holder and the prober of a mount were served after that moment.

        A holder whose client was booted again can wait long behind others, for NFSv4 asks seldom: then a mixer counts.
        """
        log = instance.read()
        holder = "m0" if "h0" in log.waiting else "h0"
        held = [h.seen for h in log.holds if h.owner.endswith(holder) and not h.lost]
        answered = [p.t for p in log.probes if not p.error]
        return (bool(held) and max(held) > since and
                (instance.number >= MOUNTS_WITH_PROBER or bool(answered) and answered[-1] > since))

    def wait_served(self, since):
        """Until every holder and every prober was served after that; returns who was not, as text."""
        deadline = time.monotonic() + SETTLED_S
        waiting = self.instances
        while waiting:
            waiting = [i for i in waiting if not self.spoke(i, since)]
            if waiting and time.monotonic() > deadline:
                return ["%s in %s" % (i.log.owner, i.group.name) for i in waiting]
            time.sleep(mix.POLL_S if waiting else 0)
        return []

    def kill(self):
        """Ends all processes, whoever still waits."""
        for instance in self.instances:
            if instance.log and instance.running:
                instance.handle.signal(signal.SIGKILL)

    def restart(self):
        """All processes anew."""
        self.kill()
        for instance in self.instances:
            instance.handle.wait()
        self.start()

    def forget(self):
        """What is over needs no further judging; locks that are held, who waits, and what for, do."""
        logs = self.logs()
        oldest = min((w.t0 for log in logs if not log.closed for w in log.waits if w.t1 is None), default=SILENT)
        for log in logs:
            log.holds = [h for h in log.holds if not h.lost and (h.gone == SILENT or h.gone > oldest)]
            log.waits = [w for w in log.waits if w.t1 is None]
            log.probes, log.failures = log.probes[-1:], []
        self.past = [log for log in self.past if log.holds]
