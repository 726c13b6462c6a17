# SPDX-License-Identifier: GPL-2.0-or-later
"""A takeover without fault passes; every fault seeded into it is found."""
import unittest
from collections import namedtuple
from types import SimpleNamespace

from audits import timeline
from audits.evidence import Evidence, Group
from audits.history import History
from audits.judge import judge
from audits.test_history import event
from audits.trace import Lock, Notify, PortQuery, Trace

Operation = namedtuple("Operation", "node resource action begin end rc")
HOME = Group("home", ["10.0.0.101", "10.0.0.102"])
MAIL = Group("mail", ["10.0.0.111"])
C1, C2, C3 = "10.0.0.11", "10.0.0.12", "10.0.0.13"
LOCK3, LOCK4, MAIL3 = ("f", 0, 9), ("g", 0, 9), ("m", 0, 9)
CUT, TAKEOVER, GRACE, NOTIFIED = 100, 105, 108, 108.5
RECLAIM3, RECLAIM4, GRACE_END, ENDED = 109, 110, 128, 140


def lock(t, what="lock", protocol="nlm", reclaim=True, client=C1, server=HOME.addresses[0], status="granted",
         start=0, length=10):
    return Lock(t, t - 0.1, server, client, protocol, what, start, length, reclaim, status)


def trace(locks, notifies, queries=()):
    made = Trace.__new__(Trace)
    made.locks, made.notifies, made.port_queries = list(locks), list(notifies), list(queries)
    return made


def notify(client, name, t=NOTIFIED, source=None, state=5, t_ack=NOTIFIED + 0.1):
    return Notify(t, source or name, client, name, state, t_ack)


def all_notifies():
    return [notify(client, name) for client in (C1, C2) for name in HOME.addresses]


def hold(owner, group, *events, mode="hold", version="3"):
    return History(owner, group, version, mode, C1, "\n".join(events))


def in_file(text, name):
    return text.replace("home.v3/f", "x/" + name)


def good_histories():
    """Holders of one lock each, who tries them, and churners of both groups."""
    found = []
    for group, name in (("home", "f"), ("home", "g"), ("mail", "m")):
        found.append(hold("holder " + name, group, *(in_file(e, name) for e in (
            event(80, "granted"), event(90, "verified"), event(139, "verified")))))
        found.append(hold("rival " + name, group, *(in_file(e, name) for e in (
            event(90, "denied"), event(138, "denied"))), mode="try"))
    found.append(hold("churn home", "home", event(95, "granted", 500, 1, 3), event(95.1, "released", 500, 1),
                      event(129, "granted", 500, 1, 28000), mode="churn"))
    found.append(hold("churn mail", "mail", event(95, "granted", 500, 1, 3), event(96, "released", 500, 1),
                      event(115, "granted", 500, 1, 9), event(116, "released", 500, 1), mode="churn"))
    return found


def probes():
    def answer(t, status):
        return {"t_asked": t - 0.01, "t": t, "status": status}
    home = [answer(99, "granted")] + [answer(GRACE + i, "grace") for i in range(20)] + [
        answer(GRACE_END, "granted")]
    return {"home": home, "mail": [answer(t, "granted") for t in range(90, 140)]}


def good():
    starts = [Operation("s2", "home-" + name, "start", TAKEOVER + i, TAKEOVER + i + 1, 0)
              for i, name in enumerate(("device", "fs", "nfs", "ip", "lock"))]
    return Evidence(
        name="test", group=HOME, others=[MAIL], planned=False, old_node="s1", new_node="s2", began=85,
        cut=CUT, ended=ENDED, operations=starts, histories=good_histories(), probes=probes(),
        trace=trace([lock(RECLAIM3), lock(RECLAIM4, protocol="nfs4"),
                     lock(GRACE_END + 1, reclaim=False, start=500, length=1)], all_notifies()),
        expected={"home": {LOCK3: (C1, "3"), LOCK4: (C1, "4.2")}, "mail": {MAIL3: (C1, "3")}},
        before={"home": {LOCK3, LOCK4}, "mail": {MAIL3}},
        after={"home": {LOCK3, LOCK4}, "mail": {MAIL3}},
        clients=[C1, C2], journal_replayed=True)


class Good(unittest.TestCase):
    def test_passes_with_these_numbers(self):
        report, problems = judge(good())
        self.assertEqual(problems, [])
        self.assertEqual(report, {
            "locks_held_before": 2, "locks_reclaimed": 2, "locks_lost": 0, "granted_twice": 0,
            "new_locks_granted_in_grace": 0, "other_group_max_wait_ms": 9,
            "other_group_baseline_max_wait_ms": 3,
            "notified_clients": [C1, C2], "notified_identifiers": HOME.addresses, "takeover_ms": 4000,
            "glr_ms": 3000, "outage_ms": 9000, "grace_ms": 20000})

    def test_timeline_ends_with_a_verdict(self):
        evidence = good()
        report, problems = judge(evidence)
        self.assertIn("PASSED: 2 of 2", timeline.tell(evidence, report, problems).splitlines()[-1])
        told = timeline.tell(evidence, report, ["it broke"])
        self.assertIn("PROBLEM: it broke", told)
        self.assertIn("FAILED", told.splitlines()[-1])

    def test_planned_move(self):
        evidence = good()
        evidence.planned, evidence.journal_replayed = True, False
        self.assertEqual(judge(evidence)[1], [])


class Seeded(unittest.TestCase):
    def expect(self, evidence, words, **numbers):
        report, problems = judge(evidence)
        self.assertIn(words, "\n".join(problems))
        for key, value in numbers.items():
            self.assertEqual(report[key], value, key)

    def test_lost_lock(self):
        evidence = good()
        evidence.after["home"] = {LOCK3}
        self.expect(evidence, "lost: g", locks_lost=1)

    def test_lock_in_the_table_that_was_never_reclaimed(self):
        evidence = good()
        evidence.trace.locks = [one for one in evidence.trace.locks if one.protocol == "nlm"]
        self.expect(evidence, "never reclaimed: g", locks_reclaimed=1)

    def test_refused_reclaim(self):
        evidence = good()
        evidence.trace.locks[0] = lock(RECLAIM3, status="nolocks")
        self.expect(evidence, "never reclaimed: f", locks_reclaimed=1)

    def test_holder_saw_damage(self):
        for kind in ("error", "overwritten"):
            evidence = good()
            evidence.histories.append(hold("h", "home", event(95, "granted"), event(130, kind, error=5)))
            self.expect(evidence, "lost: f", locks_lost=1)

    def test_granted_twice(self):
        evidence = good()
        evidence.histories.append(hold("thief", "home", event(133, "granted"), event(134, "released")))
        self.expect(evidence, "granted twice", granted_twice=1)

    def test_new_lock_in_grace(self):
        evidence = good()
        evidence.trace.locks.append(lock(120, reclaim=False, start=700))
        self.expect(evidence, "new lock granted in grace", new_locks_granted_in_grace=1)
        evidence = good()
        evidence.histories.append(hold("early", "home", event(120, "granted", 700), mode="churn"))
        self.expect(evidence, "new lock in grace", new_locks_granted_in_grace=1)

    def test_slow_other_group(self):
        evidence = good()
        evidence.histories.append(hold("slow", "mail", event(112, "granted", 900, 1, 60), mode="churn"))
        self.expect(evidence, "in another group waited", other_group_max_wait_ms=60)

    def test_other_group_that_never_got_an_answer(self):
        evidence = good()
        evidence.histories.append(hold("stuck", "mail", event(140, "interrupted", 900, 1, 35000),
                                       mode="churn"))
        self.expect(evidence, "in another group waited")

    def test_wrong_clients(self):
        for sent, words in ((all_notifies()[:2], "notified ['10.0.0.11'] instead"),
                            (all_notifies() + [notify(C3, HOME.addresses[0])], "notified ["),
                            (all_notifies() + [notify(C1, MAIL.addresses[0])], "notified as"),
                            (all_notifies() + [notify(C1, HOME.addresses[0], source="10.0.0.2")],
                             "notified as")):
            evidence = good()
            evidence.trace.notifies = sent
            self.expect(evidence, words)

    def test_notified_by_one_address_only(self):
        evidence = good()
        evidence.trace.notifies = [n for n in all_notifies()
                                   if n.name == HOME.addresses[0] or n.client == C1]
        self.expect(evidence, "10.0.0.12 never acknowledged 10.0.0.102")

    def test_notified_outside_grace(self):
        for t in (GRACE_END + 0.5, TAKEOVER - 1):
            evidence = good()
            evidence.trace.notifies.append(notify(C1, HOME.addresses[0], t=t))
            self.expect(evidence, "notified outside grace")

    def test_states(self):
        for state in (4, 7):
            evidence = good()
            evidence.trace.notifies.append(notify(C1, HOME.addresses[0], state=state))
            self.expect(evidence, "NSM states")

    def test_asked_a_stranger(self):
        evidence = good()
        evidence.trace.port_queries.append(PortQuery(NOTIFIED, HOME.addresses[0], C3))
        self.expect(evidence, "was asked for its status monitor")

    def test_no_grace_and_endless_grace(self):
        evidence = good()
        evidence.probes["home"] = [a for a in probes()["home"] if a["status"] != "grace"]
        self.expect(evidence, "there was no grace", grace_ms=0)
        evidence = good()
        evidence.probes["home"].pop()
        self.expect(evidence, "grace did not end")

    def test_other_group_in_grace(self):
        evidence = good()
        evidence.probes["mail"][20]["status"] = "grace"
        self.expect(evidence, "mail: was in grace")

    def test_other_group_lost_or_reclaimed(self):
        evidence = good()
        evidence.after["mail"] = set()
        self.expect(evidence, "mail: locks were")
        evidence = good()
        evidence.trace.locks.append(lock(112, server=MAIL.addresses[0]))
        self.expect(evidence, "mail: clients reclaimed")

    def test_rival_was_not_there(self):
        evidence = good()
        evidence.histories[1].events.pop()
        self.expect(evidence, "rival f was never denied after")

    def test_remains(self):
        for fields, words in (({"leftovers": ["/run/glr/home"]}, "left behind on s1"),
                              ({"device_busy": True}, "superblock still alive"),
                              ({"planned": True}, "journal was replayed"),
                              ({"journal_replayed": False}, "no journal replay")):
            evidence = good()
            vars(evidence).update(fields)
            self.expect(evidence, words)

    def test_cluster_acted_by_itself(self):
        for op in (Operation("s2", "mail-nfs", "stop", 120, 121, 0),
                   Operation("s1", "home-ip", "stop", 95, 96, 0)):
            evidence = good()
            evidence.operations.append(op)
            self.expect(evidence, "the cluster by itself did: stop " + op.resource)

    def test_never_started(self):
        evidence = good()
        evidence.operations = []
        self.expect(evidence, "never started on s2")


class Empty(unittest.TestCase):
    def evidence(self, wait_ms=20):
        evidence = good()
        evidence.clients, evidence.expected = [], {"mail": {MAIL3: (C1, "3")}}
        evidence.before = {"mail": {MAIL3}}
        evidence.after = {"mail": {MAIL3}}
        evidence.trace = trace([lock(112, reclaim=False, start=500)], [])
        evidence.probes["home"] = [a for a in probes()["home"] if a["status"] != "grace"]
        evidence.histories = [h for h in good_histories() if h.group == "mail"]
        evidence.histories.append(hold("first", "home", event(112, "granted", 500, 1, wait_ms),
                                       mode="churn"))
        return evidence

    def test_passes(self):
        report, problems = judge(self.evidence())
        self.assertEqual(problems, [])
        self.assertEqual((report["grace_ms"], report["takeover_ms"], report["notified_clients"]), (0, 7000, []))

    def test_slow(self):
        self.assertIn("for its first lock", "\n".join(judge(self.evidence(1500))[1]))

    def test_grace_for_nobody(self):
        evidence = self.evidence()
        evidence.probes = probes()
        self.assertIn("nobody to wait for", "\n".join(judge(evidence)[1]))

    def test_somebody_was_told(self):
        evidence = self.evidence()
        evidence.trace.notifies = [notify(C1, HOME.addresses[0])]
        self.assertIn("instead of []", "\n".join(judge(evidence)[1]))


class AlsoMoved(unittest.TestCase):
    def test_its_notifications_are_its_own(self):
        evidence = good()
        evidence.trace.notifies.append(notify(C3, "10.0.0.121"))
        self.assertTrue(judge(evidence)[1])
        evidence.also_moved = [SimpleNamespace(name="build", addresses=["10.0.0.121"])]
        self.assertEqual(judge(evidence)[1], [])


if __name__ == "__main__":
    unittest.main()
