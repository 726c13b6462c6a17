# SPDX-License-Identifier: GPL-2.0-or-later
"""A fault that was survived passes every audit; whatever is seeded into it is found by the audit it is for."""
import itertools
import json
import unittest
from types import SimpleNamespace

import faults
from audits import aftermath
from audits.lockjudge import Log
from audits.test_judge import Operation, lock, notify, trace
from faults.base import Fault
from scenarios.faultload import Load

C1, C2, C3 = "10.0.0.11", "10.0.0.12", "10.0.0.13"
BEGAN, START, GRACE, GRACE_OVER, ENDED = 100, 105, 108, 118, 125
HOME, MAIL = ["10.0.0.101", "10.0.0.102"], ["10.0.0.111"]


def line(t, event, **more):
    return json.dumps(dict({"t": t * 1e6, "p": more.pop("p", "h0"), "e": event}, **more))


def history(node, group, *lines):
    """It has one lock all the time, and probes."""
    where = {"f": "hold.0", "s": 0, "n": 4096}
    told = [line(90, "granted", **where, w=1), line(120, "verified", **where)]
    told += [line(t, "probe", p="p0", w=2000) for t in range(91, ENDED + 1)]
    return Log(node, group, "3", "\n".join(told + list(lines)) + "\n")


def served(addresses):
    return {"served": True, "list": [[a, "NFSv3"] for a in addresses] + [["Linux NFSv4.2 c1", "NFSv4"]],
            "begin": 121, "end": 121.1, "locks": [["hold.0", 0, 4095]]}


def gone(*found):
    return {"served": False, "leftovers": list(found)}


def good():
    """home went from s1, which lost power, to s2, where mail is."""
    fault = Fault({"group": "home"})
    fault.epochs, fault.fenced = {"home": (1, 1)}, {"s1"}
    groups = {"home": SimpleNamespace(addresses=HOME, lockers={C1, C2}),
              "mail": SimpleNamespace(addresses=MAIL, lockers={C2, C3})}
    answers = {"home": [answer(99, "granted")] + [answer(t, "grace") for t in range(GRACE, GRACE_OVER)] +
               [answer(t, "granted") for t in range(GRACE_OVER, ENDED)],
               "mail": [answer(t, "granted") for t in range(99, ENDED)]}
    return aftermath.Aftermath(
        fault, groups, BEGAN, ENDED, [Operation("s2", "home-lock", "start", START, START + 1, 0)], answers,
        trace([lock(110)], [notify(client, name, t=109) for client in (C1, C2) for name in HOME]),
        {"s1": {"groups": {"home": gone(), "mail": gone()}, "threads": {"nfsd": 0, "lockd": 0}},
         "s2": {"groups": {"home": served([C1, C2]), "mail": served([C2, C3])},
                "threads": {"nfsd": 16, "lockd": 1}}},
        {"home": "s2", "mail": "s2"}, {"s1", "s2"}, {"s1", "s2"}, [], {"s1"},
        {"home": {(C1, "NFSv3"), (C2, "NFSv3")}, "mail": {(C2, "NFSv3"), (C3, "NFSv3")}},
        [history("c1", "home"), history("c2", "mail")], [], {"s2": ["quiet"]}, {"s2": ["quiet"]},
        {C1: "c1", C2: "c2", C3: "c3"}, {"mail": 20.0})


def answer(t, status):
    return {"t_asked": t - 0.01, "t": t, "status": status}


class DrawTest(unittest.TestCase):
    def drawn(self, seed, count=200):
        return [str(fault) for fault in itertools.islice(faults.draw(seed, {"home", "mail", "build"}), count)]

    def test_replayable(self):
        self.assertEqual(self.drawn(7), self.drawn(7))
        self.assertNotEqual(self.drawn(7), self.drawn(8))

    def test_every_kind_in_each_deck(self):
        deck = sum(kind.weight for kind in faults.KINDS)
        for seed in range(5):
            names = {text.split()[0] for text in self.drawn(seed, deck)}
            self.assertEqual(names, {kind.name for kind in faults.KINDS})


class ForgetTest(unittest.TestCase):
    def test_what_somebody_waits_for_is_remembered(self):
        where = {"f": "mix.01", "s": 0, "n": 4096, "w": 1}
        steps = ((80, "granted"), (81, "release"), (82, "released"), (90, "granted"), (98, "release"), (99, "released"))
        holder = Log("c1", "mail", "3", "".join(line(t, event, **where) + "\n" for t, event in steps))
        waiter = Log("c2", "mail", "3", line(85, "waiting", **where) + "\n")
        load = object.__new__(Load)
        load.past, load.instances = [holder], [SimpleNamespace(log=waiter, read=lambda: waiter)]
        load.forget()
        self.assertEqual([(log, hold.gone) for log in load.past for hold in log.holds], [(holder, 99)])
        waiter.waits.clear()
        load.forget()
        self.assertEqual(load.past, [])


class AftermathTest(unittest.TestCase):
    def found(self, after, *names):
        _, lines = aftermath.audit(after)
        failed = [name for name, (passed, _) in lines.items() if not passed]
        self.assertEqual(failed, list(names), lines)
        return "; ".join(lines[name][1] for name in names)

    def test_good(self):
        numbers, _ = aftermath.audit(good())
        self.assertEqual((numbers["locks_lost"], numbers["granted_twice"]), (0, 0))
        self.assertEqual(round(numbers["other_group_max_wait_ms"]), 2)
        self.found(good())

    def test_lock_gone(self):
        after = good()
        after.nodes["s2"]["groups"]["home"]["locks"] = []
        self.assertIn("not in the server's table", self.found(after, "locks"))
        self.assertEqual(aftermath.audit(after)[0]["locks_lost"], 1)

    def test_granted_twice(self):
        after = good()
        where = {"f": "hold.0", "s": 0, "n": 4096}
        after.logs.append(Log("c2", "home", "3", "".join(
            line(t, event, **where, w=1) + "\n" for t, event in ((110, "granted"), (122, "verified")))))
        self.assertIn("granted-twice", self.found(after, "locks"))

    def test_nobody_serves(self):
        after = good()
        after.silent = ["c1 over NFSv3 in home"]
        self.found(after, "locks")

    def test_waits_reach_back_beyond_earlier_outages(self):
        after = good()
        waiting = {"f": "mix.01", "s": 0, "n": 4096}
        after.logs.append(Log("c3", "mail", "3", line(60, "waiting", **waiting) + "\n"))
        self.assertIn("unserved", self.found(after, "locks"))
        after.earlier = {"mail": [(60, 100)]}
        self.found(after)

    def test_late_reclaim(self):
        after = good()
        after.trace.locks.append(lock(119, status="grace"))
        self.assertIn("after grace", self.found(after, "locks"))

    def test_slow_bystander_is_allowed_where_disks_hang(self):
        after = good()
        after.logs.append(Log("c3", "mail", "3", line(115, "probe", p="p0", w=9e6) + "\n"))
        self.assertIn("slow", self.found(after, "locks"))
        after.fault.stalls = True
        self.found(after)

    def test_grace_of_another_group(self):
        after = good()
        after.answers["mail"].append(answer(124.5, "grace"))
        self.found(after, "grace")

    def test_no_grace(self):
        after = good()
        after.answers["home"] = [answer(t, "granted") for t in range(99, ENDED)]
        self.found(after, "grace", "notification")

    def test_list_too_short(self):
        after = good()
        after.nodes["s2"]["groups"]["mail"]["list"].pop(0)
        self.assertIn("%s is not on the list of mail" % C2, self.found(after, "client_list"))

    def test_list_of_the_neighbour(self):
        after = good()
        after.nodes["s2"]["groups"]["mail"]["list"].append([C1, "NFSv3"])
        self.found(after, "client_list")

    def test_list_without_a_holder(self):
        after = good()
        where = {"f": "hold.0", "s": 4096, "n": 4096}
        after.logs.append(Log("c1", "mail", "4.0", "".join(
            line(t, event, **where, w=1) + "\n" for t, event in ((90, "granted"), (123, "verified")))))
        mail = after.nodes["s2"]["groups"]["mail"]
        mail["locks"].append(["hold.0", 4096, 8191])
        self.assertIn("c1 holds locks over NFSv4.0", self.found(after, "client_list"))
        mail["list"].append(["Linux NFSv4.0 c1/10.0.0.111", "NFSv4"])
        self.found(after)

    def test_told_after_grace(self):
        after = good()
        after.trace.notifies.append(notify(C1, HOME[0], t=123))
        self.found(after, "notification")
        self.assertEqual(aftermath.audit(after)[0]["notified_outside_grace"], 1)

    def test_told_by_another_group(self):
        after = good()
        after.trace.notifies.append(notify(C1, MAIL[0], t=110))
        self.found(after, "notification")
        self.assertEqual(aftermath.audit(after)[0]["notified_outside_group"], 1)

    def test_told_without_a_start(self):
        after = good()
        after.trace.notifies.append(notify(C3, MAIL[0], t=110))
        self.assertIn("outside grace", self.found(after, "notification"))

    def test_not_told(self):
        after = good()
        after.trace.notifies.pop()
        self.assertIn("never acknowledged", self.found(after, "notification"))
        after.fault.unreachable = {"c2"}
        self.found(after)

    def test_leftovers(self):
        after = good()
        after.nodes["s1"]["groups"]["home"] = gone("/run/netns/home")
        after.nodes["s2"]["threads"]["nfsd"] = 24
        self.found(after, "leftovers")

    def test_started_twice(self):
        after = good()
        after.operations.append(Operation("s2", "home-lock", "start", 105.5, 106, 0))
        self.assertIn("2 times", self.found(after, "cluster"))

    def test_bystander_restarted(self):
        after = good()
        after.operations.append(Operation("s2", "mail-lock", "start", 105.5, 106, 0))
        self.assertIn("mail started 1 times, not 0", self.found(after, "grace", "notification", "cluster"))

    def test_fenced_without_need(self):
        after = good()
        after.fenced = {"s1", "s2"}
        self.found(after, "cluster")

    def test_failed_action(self):
        after = good()
        after.failed = ["mail-nfs_monitor_10000 on s2: 1 poisoned"]
        self.found(after, "cluster")
        after.fault.failures = {"mail-nfs"}
        self.found(after)

    def test_kernel_warning(self):
        after = good()
        after.kernel_lines["s2"] = ["WARNING: CPU: 0 PID: 9 at fs/lockd/svc.c"]
        self.found(after, "log_lines")

    def test_reason_in_the_log(self):
        after = good()
        after.cluster_lines["s2"] = ["notice: mail-nfs_monitor_10000[7] error output [ ocf-exit-reason:no ]"]
        self.found(after, "log_lines")
        after.fault.complaints = {"mail-nfs_monitor"}
        self.found(after)


if __name__ == "__main__":
    unittest.main()
