# SPDX-License-Identifier: GPL-2.0-or-later
"""Power cut of the node that serves home; the other node serves mail."""
from .takeover import Takeover

GROUPS = ("home", "mail")


def run(bench):
    """Yields the takeovers of this scenario."""
    home, mail = bench.groups["home"], bench.groups["mail"]
    bench.apart(home, mail)
    old = bench.where(home)
    yield Takeover(bench, "crash", home, [mail])
    bench.rejoin(old)
