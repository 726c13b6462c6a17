# SPDX-License-Identifier: GPL-2.0-or-later
"""A node's log, read while it grows and while the node boots again."""
import os
import tempfile
import unittest

from lab import pcmklog

LINE = "Nov 22 19:05:%s s2 pacemaker-execd     [752] (%s) \t%s\n"


def begins(second, resource, call):
    return LINE % (second, "log_execute", "info: executing - rsc:%s action:start call_id:%d" % (resource, call))


def ends(second, resource, call, code=0):
    return LINE % (second, "log_finished",
                   "info: %s start (call %d, PID 99) exited with status %d (execution time 9ms)" % (resource, call, code))


class ReaderTest(unittest.TestCase):
    def setUp(self):
        handle, self.path = tempfile.mkstemp()
        os.close(handle)

    def tearDown(self):
        os.unlink(self.path)

    def add(self, text):
        with open(self.path, "a") as f:
            f.write(text)

    def test_grows_by_parts_of_lines(self):
        reader, text = pcmklog.Reader(self.path), begins("01.000", "home-fs", 7)
        self.add(text[:40])
        self.assertEqual(reader.operations(), [])
        self.add(text[40:])
        self.assertIsNone(reader.operations()[0].end)
        self.add(ends("03.500", "home-fs", 7, 1))
        operation, = reader.operations()
        self.assertEqual((operation.resource, operation.end - operation.begin, operation.rc), ("home-fs", 2.5, 1))

    def test_calls_are_counted_anew_after_a_boot(self):
        self.add(begins("01.000", "home-fs", 7) + ends("02.000", "home-fs", 7) +
                 begins("10.000", "mail-fs", 7) + ends("12.000", "mail-fs", 7))
        self.assertEqual([(op.resource, op.end - op.begin) for op in pcmklog.operations(self.path)],
                         [("home-fs", 1), ("mail-fs", 2)])

    def test_from_a_mark(self):
        self.add(begins("01.000", "home-fs", 7))
        reader = pcmklog.Reader(self.path, os.path.getsize(self.path))
        self.add(ends("02.000", "home-fs", 7) + begins("03.000", "home-nfs", 8))
        self.assertEqual([op.resource for op in reader.operations()], ["home-nfs"])


if __name__ == "__main__":
    unittest.main()
