# SPDX-License-Identifier: GPL-2.0-or-later
"""The seeds of cts/seeded still fit the sources."""
import glob
import os
import subprocess
import unittest

CTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Fit(unittest.TestCase):
    def test_each_applies(self):
        seeds = glob.glob(CTS + "/seeds/*.patch")
        self.assertEqual(len(seeds), 5)
        for path in seeds:
            result = subprocess.run(["patch", "-p1", "--dry-run", "-f", "-i", path], cwd=os.path.dirname(CTS),
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(result.returncode, 0, "%s: %s" % (path, result.stdout))


if __name__ == "__main__":
    unittest.main()
