# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes that die, are cut off, or are sent to standby."""
from .base import Fault

NOTICED_S = 60
RECOVERY_S = 120


class PowerCut(Fault):
    """The node that serves a group loses power, with all its groups."""

    name, weight = "power-cut", 6

    def inject(self, lab):
        node = lab.where(self.parameters["group"])
        self.loses(lab, node)
        lab.cut(node)
        lab.wait_epochs(self.epochs, RECOVERY_S)


class SecondCrash(Fault):
    """The node that recovers the group loses power in the middle of it."""

    name, weight = "second-crash", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "after_ms": rng.randrange(0, 4000)}

    def inject(self, lab):
        group = self.parameters["group"]
        first = lab.where(group)
        self.loses(lab, first)
        lab.cut(first)
        lab.wait_operation(RECOVERY_S, lambda op: op.action == "start" and op.node != first.name and
                           op.resource.startswith(group + "-"))
        second = lab.lab[lab.last_operation.node]
        lab.sleep(self.parameters["after_ms"] / 1000)
        self.may_be_fenced |= {node.name for node in lab.lab.servers}
        # Any group may have been on its way, or have come there just now.
        self.starts(lab.groups, (0, 2))
        self.starts(lab.on(first) + lab.on(second), (1, 2))
        lab.cut(second)


class SplitBrain(Fault):
    """The servers do not reach each other, while clients reach all of them: one is fenced."""

    name, weight = "split-brain", 3

    def inject(self, lab):
        node = self.cut_off = lab.where(self.parameters["group"])
        others = [n for n in lab.lab.servers if n is not node]
        for near, far in [(node, others)] + [(n, [node]) for n in others]:
            near.run(" && ".join("ip route add blackhole %s" % n.ip for n in far))
        loser = lab.wait_fenced([node] if len(others) > 1 else [node] + others, NOTICED_S)
        self.loses(lab, loser)
        lab.wait_epochs(self.epochs, RECOVERY_S)

    def heal(self, lab):
        lab.plain_routes()


class Standby(Fault):
    """A node is sent to standby with all its groups, and comes back."""

    name, weight = "standby", 3

    def inject(self, lab):
        node = lab.where(self.parameters["group"])
        self.node = node.name
        self.starts(lab.on(node))
        lab.cluster.standby(node)
        lab.wait_epochs(self.epochs, RECOVERY_S)

    def heal(self, lab):
        lab.cluster.standby(self.node, on=False)


class Corosync(Fault):
    """corosync of a node is killed, or stops answering: the node is fenced."""

    name, weight = "corosync", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "signal": rng.choice(["KILL", "STOP"])}

    def inject(self, lab):
        node = lab.where(self.parameters["group"])
        self.loses(lab, node)
        node.run("kill -%s $(pidof corosync)" % self.parameters["signal"])
        lab.wait_fenced([node], NOTICED_S)
        lab.wait_epochs(self.epochs, RECOVERY_S)


class Pacemakerd(Fault):
    """pacemakerd is killed and started again, as systemd would, or stops for a while: nothing happens."""

    name, weight = "pacemakerd", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "signal": rng.choice(["KILL", "STOP"]),
                "seconds": rng.randrange(1, 8)}

    def inject(self, lab):
        node = lab.where(self.parameters["group"])
        self.node = node.name
        node.run("kill -%s $(pidof pacemakerd)" % self.parameters["signal"])
        lab.sleep(self.parameters["seconds"])

    def heal(self, lab):
        node = lab.lab[self.node]
        if self.parameters["signal"] == "STOP":
            node.run("kill -CONT $(pidof pacemakerd)")
        else:
            lab.cluster.start_pacemaker(node)


class ClockStep(Fault):
    """A server's clock is wrong for a while."""

    name, weight = "clock-step", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "seconds": rng.choice([-3600, -30, 30, 3600])}

    def inject(self, lab):
        # Pacemaker's daemons measure by this clock how long they wait for each other: one that waits
        # for an answer while the clock goes an hour forward gives up, and its node is fenced.
        lab.cluster.wait_idle()
        node = lab.where(self.parameters["group"])
        self.node = node.name
        lab.step_clock(node, self.parameters["seconds"])
        lab.sleep(3)

    def heal(self, lab):
        lab.lab[self.node].set_clock()


ALL = (PowerCut, SecondCrash, SplitBrain, Standby, Corosync, Pacemakerd, ClockStep)
