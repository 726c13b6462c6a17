# SPDX-License-Identifier: GPL-2.0-or-later
"""Groups that are moved, restarted in place, or left alone by an administrator at work."""
from .base import Fault

MOVED_S = 120


class Move(Fault):
    """A planned move."""

    name, weight = "move", 6

    def inject(self, lab):
        group = self.parameters["group"]
        node = lab.where(group)
        self.node = node.name
        self.starts([group])
        lab.move([group])
        lab.wait_epochs(self.epochs, MOVED_S)

    def heal(self, lab):
        lab.clear_moves(self.epochs)


class MoveAll(Move):
    """All groups move at once."""

    name, weight = "move-all", 2

    @classmethod
    def draw(cls, rng, groups):
        return {}

    def inject(self, lab):
        self.starts(lab.groups)
        lab.move(list(lab.groups))
        lab.wait_epochs(self.epochs, MOVED_S)


class PingPong(Move):
    """A group moves away and back again and again, each time in the middle of its recovery."""

    name, weight = "ping-pong", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "moves": rng.randrange(2, 4), "pause_ms": rng.randrange(0, 3000)}

    def inject(self, lab):
        group = self.parameters["group"]
        for number in range(1, self.parameters["moves"] + 1):
            self.starts([group], (number, number))
            lab.move([group])
            lab.wait_epochs(self.epochs, MOVED_S)
            lab.clear_moves([group])
            lab.sleep(self.parameters["pause_ms"] / 1000)


class Busy(Move):
    """A planned move while somebody on the node works in the group's filesystem: it must not hang."""

    name, weight = "busy-filesystem", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "kind": rng.choice(["directory", "namespace"])}

    def inject(self, lab):
        group = lab.groups[self.parameters["group"]]
        node = lab.where(group.name)
        if self.parameters["kind"] == "directory":
            self.complaints.add(group.name + "-fs_stop")
            self.worker = node.spawn("cd %s && exec sleep 600" % group.directory)
        else:
            # A copy of the mount that an unmount on the node does not reach.
            self.worker = node.spawn(["unshare", "--mount", "--propagation", "private", "sleep", "600"])
        lab.sleep(0.3)
        super().inject(lab)

    def heal(self, lab):
        super().heal(lab)
        self.worker.stop()


class RestartInPlace(Fault):
    """The monitor of the group's NFS server reports a failure: it is restarted where it is."""

    name, weight = "nfs-fails", 2

    def inject(self, lab):
        group = self.parameters["group"]
        node = lab.where(group)
        self.node = node.name
        self.starts([group])
        self.failures.add(group + "-nfs")
        lab.cluster.crm("crm_resource", "--fail", "--resource", group + "-nfs", "--node", node.name)
        lab.wait_epochs(self.epochs, MOVED_S)


class Cleanup(Fault):
    """crm_resource --cleanup and --refresh: probes, and nothing else."""

    name, weight = "cleanup", 1

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "how": rng.choice(["--cleanup", "--refresh"])}

    def inject(self, lab):
        lab.cluster.crm("crm_resource", self.parameters["how"], "--resource", self.parameters["group"])


class Maintenance(Fault):
    """Maintenance mode, Pacemaker of a node stopped and started under its groups, and back."""

    name, weight = "maintenance", 2

    def inject(self, lab):
        node = lab.where(self.parameters["group"])
        self.node = node.name
        lab.property("maintenance-mode", "true")
        lab.cluster.stop_pacemaker(node)
        lab.cluster.start_pacemaker(node)
        lab.cluster.wait_online([node.name])

    def heal(self, lab):
        lab.property("maintenance-mode", "false")


ALL = (Move, MoveAll, PingPong, Busy, RestartInPlace, Cleanup, Maintenance)
