# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that are cut off, boot again, or are away while everybody else reclaims."""
from .base import Fault

CLIENTS = ("c1", "c2", "c3")
RECOVERY_S, GRACE_S = 120, 60


class ClientCut(Fault):
    """A client's cable is out for less than a third of a lease: it asks again after as long, and keeps its locks."""

    name, weight = "client-cut", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"client": rng.choice(CLIENTS), "seconds": rng.randrange(1, 4)}

    def inject(self, lab):
        self.stalls = True              # the groups' probes run on clients
        self.node = self.parameters["client"]
        lab.lab[self.node].unplug()
        lab.sleep(self.parameters["seconds"])

    def heal(self, lab):
        lab.lab[self.node].plug()


class ClientReboot(Fault):
    """A client loses power and boots again: its locks are free for others, and it takes them anew."""

    name, weight = "client-reboot", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"client": rng.choice(CLIENTS)}

    def inject(self, lab):
        self.node = self.parameters["client"]
        lab.stop_client(lab.lab[self.node])

    def heal(self, lab):
        lab.start_client(lab.lab[self.node])


class ClientDown(Fault):
    """A client is down while a group moves, until after its grace: the others lose nothing by it."""

    name, weight = "client-down", 2

    @classmethod
    def draw(cls, rng, groups):
        return {"client": rng.choice(CLIENTS), "group": rng.choice(groups)}

    def inject(self, lab):
        client, group = lab.lab[self.parameters["client"]], self.parameters["group"]
        self.node = client.name
        self.unreachable.add(client.name)
        self.starts([group])
        lab.stop_client(client)
        lab.move([group])
        lab.wait_epochs(self.epochs, RECOVERY_S)
        lab.wait_no_grace(lab.epoch_end(group), GRACE_S)

    def heal(self, lab):
        lab.clear_moves(self.epochs)
        lab.start_client(lab.lab[self.node])


ALL = (ClientCut, ClientReboot, ClientDown)
