# SPDX-License-Identifier: GPL-2.0-or-later
"""Daemons of a group that are killed or stop: replaced in place; a dead supervisor costs a restart."""
from .base import Fault

NOTICED_S = 120                         # a monitor's interval, and the restart
STOPPED_S = 6
SUPERVISOR = "glr-server"
DAEMONS = (SUPERVISOR, "glr-statd", "rpcbind", "rpc.mountd")


class Daemon(Fault):
    def inject(self, lab):
        group = self.parameters["group"]
        node = lab.where(group)
        self.node = node.name
        pids = lab.daemon(group, self.parameters["daemon"])
        node.run("kill -%s %s" % (self.signal, " ".join(pids)))
        self.pids = pids

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "daemon": rng.choice(DAEMONS)}


class Killed(Daemon):
    """SIGKILL to one of a group's daemons."""

    name, weight, signal = "daemon-killed", 5, "KILL"

    def inject(self, lab):
        group = self.parameters["group"]
        if self.parameters["daemon"] == SUPERVISOR:
            self.starts([group])
            self.failures |= {group + "-nfs", group + "-lock"}
        super().inject(lab)
        lab.wait_epochs(self.epochs, NOTICED_S)

    def heal(self, lab):
        if not self.epochs:
            lab.wait_daemon(self.parameters["group"], self.parameters["daemon"], self.pids)


class Stopped(Daemon):
    """SIGSTOP to one of a group's daemons, for a while."""

    name, weight, signal = "daemon-stopped", 4, "STOP"

    def inject(self, lab):
        super().inject(lab)
        lab.sleep(STOPPED_S)

    def heal(self, lab):
        node = lab.lab[self.node]
        node.run("kill -CONT %s 2>/dev/null; true" % " ".join(self.pids))


ALL = (Killed, Stopped)
