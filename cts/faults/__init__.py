# SPDX-License-Identifier: GPL-2.0-or-later
"""The kinds of faults, and how a run's are drawn."""
import random

from . import clients, daemons, disks, moves, nodes

KINDS = nodes.ALL + moves.ALL + daemons.ALL + clients.ALL + disks.ALL


def draw(seed, groups):
    """Faults without end: a shuffled deck, dealt to its last card and shuffled again.

    The same seed gives the same faults with the same parameters, whatever becomes of the lab.
    """
    rng = random.Random(seed)
    groups = sorted(groups)
    while True:
        deck = [kind for kind in KINDS for _ in range(kind.weight)]
        rng.shuffle(deck)
        for kind in deck:
            yield kind(kind.draw(rng, groups))
