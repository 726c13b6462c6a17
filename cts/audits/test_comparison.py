# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of a takeover, good and bad."""
import unittest

from audits.comparison import figures
from audits.test_history import event
from audits.test_judge import C3, HOME, LOCK4, good, hold, in_file, lock, notify, trace

GOOD = {"v3_held": 1, "v3_lost": 0, "v4_held": 1, "v4_lost": 0, "others_held": 1, "others_lost": 0,
        "granted_twice": 0, "other_group_max_wait_ms": 9, "locks_back_s": 10, "told_wrongly": 0}


class Figures(unittest.TestCase):
    def check(self, evidence, **changes):
        self.assertEqual(figures(evidence), dict(GOOD, **changes))

    def test_good(self):
        self.check(good())

    def test_no_other_group(self):
        evidence = good()
        evidence.others = []
        self.check(evidence, others_held=None, others_lost=None, other_group_max_wait_ms=None)

    def test_lost_by_the_server(self):
        evidence = good()
        evidence.after["home"] = {LOCK4}
        self.check(evidence, v3_lost=1)
        evidence.after["home"] = set()
        self.check(evidence, v3_lost=1, v4_lost=1, locks_back_s=None)

    def test_lost_by_the_holder(self):
        evidence = good()
        evidence.histories.append(hold("holder g", "home", in_file(event(112, "error"), "g")))
        self.check(evidence, v4_lost=1, locks_back_s=9)

    def test_lost_in_the_group_that_stays(self):
        evidence = good()
        evidence.after["mail"] = set()
        self.check(evidence, others_lost=1)

    def test_granted_to_two(self):
        evidence = good()
        evidence.histories.append(hold("thief", "home", *(in_file(event(t, kind), "f") for t, kind in (
            (115, "granted"), (116, "released"), (117, "granted"), (118, "released")))))
        self.check(evidence, granted_twice=1)

    def test_told_without_a_lock(self):
        evidence = good()
        evidence.trace = trace([lock(109), lock(112, protocol="nfs4")], [notify(C3, HOME.addresses[0])])
        self.check(evidence, locks_back_s=12, told_wrongly=1)


if __name__ == "__main__":
    unittest.main()
