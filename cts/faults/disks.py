# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that are slow, hang for a while, or are full."""
from .base import Fault

RECOVERY_S = 120
SLICE_S, WORK_S = 0.09, 0.01
FILL = """cd %s && for file in *; do fallocate -l 1M $file || exit; done
size=$((1 << 30))
while [ $size -ge 4096 ]; do fallocate -l $size fill.$size.$((n += 1)) 2>/dev/null || size=$((size / 2)); done"""


class Hanging(Fault):
    """The disks of a node."""

    def inject(self, lab):
        node = lab.where(self.parameters["group"])
        self.node, self.stalls = node.name, True
        # A new client that cannot be written down is a failure the monitor may see.
        self.starts(lab.on(node), (0, 1))
        self.failures |= {name + "-nfs" for name in lab.on(node)}
        self.hang(lab, node)

    def heal(self, lab):
        lab.lab[self.node].thaw_disks()


class Frozen(Hanging):
    """The disks of a node hang for some seconds."""

    name, weight = "frozen-disks", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "seconds": rng.randrange(1, 8)}

    def hang(self, lab, node):
        node.freeze_disks()
        lab.sleep(self.parameters["seconds"])


class Slow(Hanging):
    """The disks of a node work a tenth of the time."""

    name, weight = "slow-disks", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"group": rng.choice(groups), "slices": rng.randrange(30, 100)}

    def hang(self, lab, node):
        for _ in range(self.parameters["slices"]):
            node.freeze_disks()
            lab.sleep(SLICE_S)
            node.thaw_disks()
            lab.sleep(WORK_S)


class Full(Fault):
    """The group's filesystem is full to the last block while the group moves."""

    name, weight = "full-disk", 2

    def inject(self, lab):
        group = self.parameters["group"]
        self.starts([group])
        node = lab.where(group)
        self.node = node.name
        node.run(FILL % lab.groups[group].export)
        lab.move([group])
        lab.wait_epochs(self.epochs, RECOVERY_S)

    def heal(self, lab):
        group = self.parameters["group"]
        lab.clear_moves([group])
        lab.where(group).run("rm -f %s/fill.*" % lab.groups[group].export)


ALL = (Frozen, Slow, Full)
