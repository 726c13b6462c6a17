# SPDX-License-Identifier: GPL-2.0-or-later
"""What a node's standstills explain of a wait."""
import unittest

from audits.standstills import overlap_s, parse


class Standstills(unittest.TestCase):
    def test_whole_lines_are_read_and_nothing_else(self):
        self.assertEqual(parse("1000000 1500000\nnice: something 7\n2000000 2100000\n3000000 31"), [(1, 1.5), (2, 2.1)])

    def test_overlap(self):
        for spans, seconds in (([], 0), ([(0, 1), (9, 10)], 0), ([(0, 3)], 1), ([(3, 4)], 1), ([(1, 9)], 4),
                               ([(5, 7)], 1), ([(3, 5), (2, 4)], 3), ([(3, 4), (3, 4)], 1)):
            self.assertEqual(overlap_s(2, 6, spans), seconds, spans)


if __name__ == "__main__":
    unittest.main()
