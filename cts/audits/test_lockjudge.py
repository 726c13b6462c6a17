# SPDX-License-Identifier: GPL-2.0-or-later
"""The mixed workload's histories: a good one passes, every fault seeded into one is named."""
import json
import unittest

from audits import lockjudge
from audits.lockjudge import Log, judge

SINCE, UNTIL = 100, 400


def line(t, event, process="m0", name="mix.00", start=0, length=4096, **more):
    return json.dumps(dict({"t": int(t * 1e6), "p": process, "e": event, "f": name, "s": start, "n": length},
                           **more)) + "\n"


def cycle(t0, t1, process="m0", **where):
    """One lock, from want to released."""
    return "".join(line(t, what, process, **where) for t, what in (
        (t0 - 0.01, "want"), (t0, "granted"), (t0 + 0.01, "verified"), (t1, "release"), (t1 + 0.01, "released")))


def holder(since=110, process="h0", until=None, **where):
    text = line(since, "want", process, "hold", **where) + line(since, "granted", process, "hold", **where)
    text += "".join(line(t, "verified", process, "hold", **where) for t in range(since + 1, until or UNTIL + 5))
    if until:
        text += line(until, "release", process, "hold", **where)
        text += line(until, "released", process, "hold", **where)
    return text


def waiter(t, end=None, outcome="granted", process="w0"):
    text = line(t, "want", process, "hold") + line(t, "denied", process, "hold") + line(t, "waiting", process, "hold")
    if end:
        text += line(end, outcome, process, "hold", x="EINTR")
    return text


def probes(*waits, at=300, process="p0"):
    """Answered at second `at` and after, and once late in the run."""
    return "".join(json.dumps({"t": int((at + i) * 1e6), "p": process, "e": "probe", "w": ms * 1000}) + "\n"
                   for i, ms in enumerate(waits))


def log(text, node="c1", group="home", version="3"):
    return Log(node, group, version, text)


class Good(unittest.TestCase):
    def test_passes_with_these_numbers(self):
        logs = [log(holder(until=350) + cycle(200, 210) + cycle(220, 230, start=8192)),
                log(cycle(211, 219) + waiter(115, 351, process="w0") + line(352, "release", "w0", "hold") +
                    line(352, "released", "w0", "hold"), "c2", version="4.1"),
                log(probes(3, 4, at=UNTIL - 1), "c3", "mail")]
        report, problems = judge(logs, SINCE, UNTIL, baseline={"mail": 5})
        self.assertEqual(problems, [])
        self.assertEqual(report, {
            "locks": 5, "verified": 242, "waited": 1, "granted_twice": 0, "unserved": 0, "locks_lost": 0,
            "lock_errors": 0, "other_group_max_wait_ms": 4, "other_group_max_delay_ms": 4})

    def test_piece_by_piece(self):
        """Fed in any pieces, also torn ones, it reads the same."""
        text = holder(until=130) + cycle(200, 210)
        whole, torn = log(text), log("")
        for i in range(0, len(text), 37):
            torn.feed(text[i:i + 37])
        self.assertEqual([(h.t0, h.release, h.gone) for h in torn.holds],
                         [(h.t0, h.release, h.gone) for h in whole.holds])

    def test_what_a_shell_said_in_between(self):
        self.assertEqual(len(log("mount.nfs: busy\n" + cycle(200, 210)).holds), 1)


class Seeded(unittest.TestCase):
    def expect(self, words, *logs, **more):
        report, problems = judge(list(logs), SINCE, UNTIL, **more)
        self.assertIn(words, "\n".join(problems))
        return report

    def refuse(self, *logs, **more):
        """No finding."""
        self.assertEqual(judge(list(logs), SINCE, UNTIL, **more)[1], [])

    def test_granted_twice(self):
        report = self.expect("granted-twice: home/mix.00 bytes 0-4095", log(cycle(200, 210)),
                             log(cycle(205, 206), "c2"))
        self.assertEqual(report["granted_twice"], 1)
        self.expect("granted-twice", log(cycle(200, 210, length=12288)), log(cycle(205, 206, start=8192), "c2"))

    def test_granted_twice_to_two_processes_of_a_mount(self):
        self.expect("granted-twice", log(cycle(200, 210) + cycle(205, 206, process="m1")))

    def test_behind_a_holder_of_the_whole_run(self):
        self.expect("granted-twice: home/hold", log(holder()),
                    log(waiter(115, 300) + line(301, "verified", "w0", "hold"), "c2"))

    def test_not_twice(self):
        for other in (cycle(210.001, 215), cycle(205, 206, start=4096), cycle(205, 206, name="mix.01")):
            self.refuse(log(cycle(200, 210)), log(other, "c2"))
        self.refuse(log(cycle(200, 210)), log(cycle(205, 206), "c2", "mail"))

    def test_another_window(self):
        """A long run is judged piece by piece: nothing is found twice."""
        logs = [log(cycle(50, 60)), log(cycle(55, 56), "c2")]
        self.refuse(*logs)
        self.assertEqual(judge(logs, 0, SINCE)[0]["granted_twice"], 1)

    def test_foreign_token(self):
        text = line(200, "granted") + line(201, "mismatch", found="c2 1.m0 7")
        self.assertEqual(self.expect("foreign-token: home/mix.00 bytes 0-4095 of c1 over NFSv3 m0, c2 1.m0 7",
                                     log(text))["locks_lost"], 1)

    def test_lost(self):
        text = line(200, "granted") + line(205, "verified") + line(220, "lost", x="EIO")
        report = self.expect("lost: home/mix.00", log(text))
        self.assertEqual(report["locks_lost"], 1)
        # Between its last proof and the error it may have been anybody's.
        report = self.expect("lost: home/mix.00", log(text), log(cycle(210, 211), "c2"))
        self.assertEqual(report["granted_twice"], 0)

    def test_lost_by_a_client_that_was_cut_off(self):
        text = line(200, "granted") + line(205, "verified") + line(250, "lost", x="EIO")
        self.refuse(log(text), log(cycle(240, 241), "c2"), excused=[("c1", 210, 260)])
        self.expect("lost", log(text), excused=[("c2", 210, 260)])
        self.expect("lost", log(text), excused=[("c1", 300, 310)])

    def test_nfsv3_client_that_was_cut_off_and_does_not_know(self):
        logs = [log(holder()), log(cycle(240, 241, name="hold"), "c2")]
        self.expect("granted-twice", *logs)
        self.refuse(*logs, excused=[("c1", 230, 260)])
        self.expect("granted-twice", *logs, excused=[("c1", 242, 260)])

    def test_client_that_died(self):
        """What it last said is all that is sure of it."""
        dead = log(holder(110) + waiter(115, process="w1"))
        dead.last, dead.closed = 200, True
        self.refuse(dead, log(cycle(210, 211, name="hold"), "c2"))
        dead.last = 205
        self.expect("granted-twice", dead, log(cycle(204, 206, name="hold"), "c2"))

    def test_unserved(self):
        held = log(holder(until=150))
        self.expect("unserved: home/hold", held, log(waiter(140), "c2"))
        self.expect("unserved: home/hold", held, log(waiter(140, 390), "c2"))
        self.refuse(held, log(waiter(140, 180), "c2"))

    def test_gave_up(self):
        gone = log(waiter(320, 395, "gaveup"), "c2")
        self.expect("gave up after 75 s", log(holder()), gone)
        self.refuse(log(holder()), gone, outages={"home": [(380, None or UNTIL)]})

    def test_waiting_in_an_outage_or_behind_others(self):
        waits = log(waiter(140, 280), "c2")
        self.refuse(log(holder(until=150)), waits, outages={"home": [(160, 240)]})
        self.refuse(log(holder(until=150)), waits, log(cycle(170, 270, name="hold"), "c3"))
        self.expect("unserved", log(holder(until=150)), waits, outages={"mail": [(160, 240)]})

    def test_table(self):
        held = log(holder())
        self.refuse(held, tables=[("home", 200, 200.1, {("hold", 0, 4095)})])
        report = self.expect("is not in the server's table", held, tables=[("home", 200, 200.1, set())])
        self.assertEqual(report["locks_lost"], 1)
        self.expect("are nobody's, and locked", held,
                    tables=[("home", 200, 200.1, {("hold", 0, 4095), ("mix.01", 0, 4095)})])

    def test_table_while_somebody_takes_or_releases(self):
        for entries in (set(), {("mix.00", 0, 4095)}):
            self.refuse(log(cycle(200, 210)), tables=[("home", 199.9, 200.1, entries)])
            self.refuse(log(cycle(200, 210)), tables=[("home", 209.9, 210.005, entries)])
        asks = log(line(199, "want"))
        self.refuse(asks, tables=[("home", 200, 200.1, {("mix.00", 0, 4095)})])

    def test_slow(self):
        self.expect("slow: mail answered after 250 ms", log(probes(3, 250, at=UNTIL - 1), group="mail"),
                    baseline={"mail": 9})
        self.refuse(log(probes(3, 80, at=UNTIL - 1), group="mail"), baseline={"mail": 9})

    def test_a_node_that_stood_still_explains_a_wait_but_not_more(self):
        logs, where = [log(probes(3, 250, at=UNTIL - 1), group="mail")], {"mail": "s1"}
        span = UNTIL - 0.2, UNTIL + 0.1
        for node in ("c1", "s1"):
            report = judge(logs, SINCE, UNTIL, baseline={"mail": 9}, still={node: [span]}, places=where)[0]
            self.assertEqual([round(report["other_group_max_%s_ms" % what]) for what in ("wait", "delay")], [250, 50])
            self.refuse(*logs, baseline={"mail": 9}, still={node: [span]}, places=where)
        self.expect("slow: mail answered after 250 ms", *logs, baseline={"mail": 9}, still={"s2": [span]}, places=where)
        self.expect("slow: mail answered after 150 ms", *logs, baseline={"mail": 9}, places=where,
                    still={"s1": [(UNTIL - 0.25, UNTIL - 0.2)], "c1": [(UNTIL - 0.22, UNTIL - 0.15)]})

    def test_slow_and_still_without_an_answer(self):
        silent = log(probes(3, 3, at=200), group="mail")
        report = self.expect("slow: mail answered after", silent, baseline={"mail": 9})
        self.assertGreater(report["other_group_max_wait_ms"], 190000)

    def test_nobody_probed(self):
        self.expect("slow: nobody probed mail", log(cycle(200, 201), group="mail"), baseline={"mail": 9})

    def test_errors(self):
        refused = log(line(200, "want") + line(201, "error", x="ENOLCK"))
        self.assertEqual(self.expect("error: c1 over NFSv3 m0 in home", refused)["lock_errors"], 1)
        self.expect("lock: ENOLCK", refused)
        self.refuse(refused, outages={"home": [(190, 210)]})
        self.refuse(refused, excused=[("c1", 190, 210)])
        text = cycle(200, 210).replace('"released"', '"error", "x": "EIO"')
        self.expect("unlock: EIO", log(text))

    def test_many_findings_are_counted(self):
        text = "".join(line(200 + i, "want") + line(200 + i, "error", x="ENOLCK") for i in range(50))
        problems = judge([log(text)], SINCE, UNTIL)[1]
        self.assertEqual(len(problems), lockjudge.TOLD + 1)
        self.assertEqual(problems[-1], "error: and 40 more")


if __name__ == "__main__":
    unittest.main()
