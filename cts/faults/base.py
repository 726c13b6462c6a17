# SPDX-License-Identifier: GPL-2.0-or-later
"""What every fault is: drawn from a seed, done to the lab, undone, and clear about what it may cost."""

ONCE = (1, 1)


class Fault:
    """One thing that goes wrong, or that an administrator does.

    name        of the kind
    weight      how many of its kind are in the deck
    """

    name = ""
    weight = 1

    def __init__(self, parameters):
        self.parameters = parameters
        self.node = None                # name of the node it was done to
        self.epochs = {}                # group name -> (least, most) times it may start
        self.fenced = set()             # names of the nodes that must be fenced
        self.may_be_fenced = set()
        self.failures = set()           # resources of which a failed action is expected
        self.complaints = set()         # actions, as RESOURCE_ACTION, that may complain and go well
        self.unreachable = set()        # names of clients that cannot be told
        self.forfeited = set()          # names of clients that lose their locks, as they must
        self.stalls = False             # whether waits in other groups are expected, and only reported

    @classmethod
    def draw(cls, rng, groups):
        """Parameters out of the seed alone: what the cluster looks like is not known yet."""
        return {"group": rng.choice(groups)}

    def inject(self, lab):
        """Returns when the cluster has noticed; lab: scenarios.standing.Standing."""
        raise NotImplementedError

    def heal(self, lab):
        """Undoes what the cluster cannot."""

    def starts(self, groups, times=ONCE):
        for group in groups:
            self.epochs[group] = times

    def loses(self, lab, node):
        """The cluster will fence the node, and its groups start elsewhere."""
        self.node = node.name
        self.fenced.add(node.name)
        self.starts(lab.on(node))

    def __str__(self):
        words = ["%s=%s" % item for item in self.parameters.items()]
        return " ".join([self.name] + words)
