# SPDX-License-Identifier: GPL-2.0-or-later
"""home fails over onto the node that serves mail, then moves away from one that keeps build."""
from .takeover import Takeover

GROUPS = ("home", "mail", "build")


def run(bench):
    """Yields the takeovers of this scenario."""
    home, mail, build = (bench.groups[name] for name in ("home", "mail", "build"))
    bench.apart(home, mail)
    bench.apart(home, build)
    old = bench.where(home)
    yield Takeover(bench, "coexist, failover", home, [mail, build])
    bench.rejoin(old)
    bench.place(build, bench.where(home))
    yield Takeover(bench, "coexist, move", home, [mail, build], planned=True)
