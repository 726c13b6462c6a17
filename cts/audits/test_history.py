# SPDX-License-Identifier: GPL-2.0-or-later
"""Histories of the workload, and the kernel's lock table."""
import json
import unittest

from audits import proclocks
from audits.history import History, double_grants


def event(t, kind, start=0, length=10, wait_ms=0, error=0):
    return json.dumps({"t": int(t * 1e9), "kind": kind, "file": "/mnt/home.v3/f", "start": start,
                       "len": length, "errno": error, "error": "", "wait_ms": wait_ms})


def history(owner, *events, mode="hold", group="home"):
    return History(owner, group, "3", mode, "10.0.0.1", "\n".join(events))


def twice(*histories, last=100):
    return double_grants([i for h in histories for i in h.intervals(last)])


class Twice(unittest.TestCase):
    holder = history("a", event(1, "granted"))

    def test_while_it_is_held(self):
        self.assertEqual(len(twice(self.holder, history("b", event(5, "granted"), event(6, "released")))), 1)

    def test_one_byte_is_enough(self):
        rival = history("b", event(5, "granted", 9, 5))
        self.assertEqual(len(twice(self.holder, rival)), 1)

    def test_beside_it(self):
        self.assertEqual(twice(self.holder, history("b", event(5, "granted", 10, 5))), [])

    def test_after_release(self):
        first = history("a", event(1, "granted"), event(4, "released"))
        self.assertEqual(twice(first, history("b", event(5, "granted"))), [])

    def test_after_a_known_loss(self):
        """A holder who saw its lock gone claims it only until it last saw it intact."""
        lost = history("a", event(1, "granted"), event(3, "verified"), event(9, "error", error=5))
        self.assertEqual(twice(lost, history("b", event(5, "granted"))), [])
        self.assertEqual(len(twice(lost, history("b", event(2, "granted")))), 1)

    def test_other_file_and_same_owner(self):
        self.assertEqual(twice(self.holder, history("b", event(5, "granted"), group="mail")), [])
        self.assertEqual(twice(history("a", event(1, "granted"), event(2, "granted"))), [])

    def test_long_ago_does_not_hide_a_present_one(self):
        rivals = history("b", event(2, "granted", 50), event(3, "released", 50), event(4, "granted", 5))
        self.assertEqual(len(twice(self.holder, rivals)), 1)


class Waits(unittest.TestCase):
    churner = history("c", event(10, "granted", wait_ms=3), event(20, "granted", wait_ms=6000),
                      event(30, "interrupted", wait_ms=9000), mode="churn")

    def test_a_wait_belongs_to_every_span_it_touches(self):
        self.assertEqual([ms for ms, _ in self.churner.waits(0, 12)], [3])
        self.assertEqual([ms for ms, _ in self.churner.waits(15, 16)], [6000])

    def test_who_never_got_an_answer_counts(self):
        self.assertIn(9000, [ms for ms, _ in self.churner.waits(25, 40)])

    def test_torn_line(self):
        self.assertEqual(len(history("c", event(1, "granted"), event(2, "granted")[:20]).events), 1)


class Table(unittest.TestCase):
    text = """1: POSIX  ADVISORY  WRITE 700 62:00:13 4096 8191
1: -> POSIX  ADVISORY  WRITE 701 62:00:13 4096 8191
2: POSIX  ADVISORY  READ  -1 62:00:14 0 EOF
3: POSIX  ADVISORY  WRITE 700 62:10:13 0 9
4: FLOCK  ADVISORY  WRITE 700 62:00:13 0 EOF
5: LEASE  ACTIVE    READ  700 62:00:13 0 EOF
6: OFDLCK ADVISORY  WRITE -1 62:00:15 1 2
"""

    def test_by_device(self):
        held = proclocks.parse(self.text, 0x62, 0)
        self.assertEqual([(h.inode, h.start, h.end) for h in held],
                         [(13, 4096, 8191), (14, 0, proclocks.TO_EOF), (15, 1, 2)])
        self.assertEqual(len(proclocks.parse(self.text, 0x62, 0x10)), 1)


if __name__ == "__main__":
    unittest.main()
