# SPDX-License-Identifier: GPL-2.0-or-later
"""The mixed workload itself, on a local filesystem: what it writes down is what it did."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from audits.lockjudge import Log, judge

WORKLOAD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "workload")
RUN_S, END_S = 4.5, 20


class Local(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(dir="/var/tmp")     # /tmp may not know O_DIRECT
        cls.program = os.path.join(cls.directory, "lockmix")
        subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", cls.program] +
                       [os.path.join(WORKLOAD, name) for name in ("lockmix.c", "lockmix_range.c")], check=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def run_two(self, meanwhile, *counts):
        """(logs, report, problems) of two mounts, which are one here."""
        share = tempfile.mkdtemp(dir=self.directory)
        begin = time.time()
        running = [subprocess.Popen([self.program, share, "7", str(i), "2", *counts], text=True, start_new_session=True,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for i in range(2)]
        try:
            meanwhile(share)
        finally:
            for process in running:
                os.killpg(process.pid, signal.SIGTERM)
        logs = [Log("c%d" % i, "home", "3", p.communicate(timeout=END_S)[0]) for i, p in enumerate(running)]
        return logs, *judge(logs, begin, time.time() + 1)

    def test_all_is_well(self):
        logs, report, problems = self.run_two(lambda _: time.sleep(RUN_S))
        self.assertEqual(problems, [])
        self.assertGreater(report["locks"], 10)
        self.assertGreater(report["verified"], 20)
        for log in logs:
            self.assertEqual(log.ended, {"h0", "w0", "m0", "m1", "p0"})
            self.assertFalse(log.current or log.waiting)
            # Behind a holder, from the third second to the end; then served.
            self.assertEqual([w.outcome for w in log.waits if w.owner.endswith("w0")], ["granted"])
            self.assertGreater(len(log.probes), 20)

    def test_somebody_writes_into_a_held_range(self):
        def thief(share):
            time.sleep(RUN_S / 2)
            with open(share + "/hold.0", "r+b") as f:
                f.write(b"thief".ljust(4096, b"\0"))
            time.sleep(RUN_S / 2)
        problems = self.run_two(thief)[2]
        self.assertIn("foreign-token: home/hold.0 bytes 0-4095 of c0 over NFSv3 h0, thief", "\n".join(problems))

    def test_the_seed_makes_the_choices(self):
        """Which ranges a mixer wants depends on the seed alone."""
        wanted = []
        for _ in range(2):
            logs = self.run_two(lambda _: time.sleep(3), "0", "1", "0")[0]
            wanted.append([(h.file, h.start, h.end) for h in logs[0].holds][:2])
        self.assertEqual(wanted[0], wanted[1])
        self.assertEqual(len(wanted[0]), 2)


if __name__ == "__main__":
    unittest.main()
