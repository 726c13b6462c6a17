# SPDX-License-Identifier: GPL-2.0-or-later
"""Power cut under a group nobody has locked in: nobody is told, nobody waits."""
from .takeover import Takeover

GROUPS = ("spare", "mail")


def run(bench):
    """Yields the takeovers of this scenario."""
    spare, mail = bench.groups["spare"], bench.groups["mail"]
    if spare.lockers:
        raise RuntimeError("somebody has locked in %s in this lab already" % spare.name)
    bench.apart(mail, spare)
    old = bench.where(spare)
    yield Takeover(bench, "empty", spare, [mail], empty=True)
    bench.rejoin(old)
