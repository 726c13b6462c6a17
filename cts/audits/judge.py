# SPDX-License-Identifier: GPL-2.0-or-later
"""From evidence to the report's numbers and to what is wrong with them."""
from . import history

WAIT_TOLERANCE_MS = 50
LONGEST_EMPTY_WAIT_MS = 1000


def judge(evidence, parts=None):
    """(report, problems): the numbers of one takeover, and sentences; none means passed."""
    report, problems = {}, []
    if evidence.takeover is None:
        return report, ["%s was never started on %s" % (evidence.group.name, evidence.new_node)]
    for part in parts or PARTS:
        numbers, found = part(evidence)
        report.update(numbers)
        problems += found
    return report, ["%s: %s" % (evidence.name, problem) for problem in problems]


def locks(evidence):
    """Held before, reclaimed, lost: by the server's table, the packets and the holders."""
    name, problems = evidence.group.name, []
    expected = set(evidence.expected.get(name, {}))
    before, after = evidence.before.get(name, set()), evidence.after.get(name, set())
    if before != expected:
        problems.append("server's table shows %s held, the clients hold %s"
                        % (sorted(before), sorted(expected)))
    reclaimed = {lock for lock in before if is_reclaimed(evidence, lock)}
    lost = (before - after) | damaged(evidence)
    problems += ["lost: %s %d-%d" % lock for lock in sorted(lost)]
    problems += ["never reclaimed: %s %d-%d" % lock for lock in sorted(before - reclaimed)]
    problems += ["nobody ever verified after the takeover: %s %d-%d" % lock
                 for lock in sorted(before - verified(evidence))]
    return {"locks_held_before": len(before), "locks_reclaimed": len(reclaimed),
            "locks_lost": len(lost)}, problems


def is_reclaimed(evidence, lock):
    client, version = evidence.expected[evidence.group.name].get(lock, (None, None))
    protocol = "nlm" if version == "3" else "nfs4"
    return any(r.client == client and r.protocol == protocol and
               (r.start, r.start + r.length - 1) == lock[1:] for r in evidence.reclaims)


def holders(evidence, since, *kinds):
    """Locks about which the moving group's holders wrote such an event."""
    return {locked_bytes(e) for h in evidence.of_group(evidence.group.name, "hold")
            for e in h.of_kind(*kinds) if e["t"] >= since}


def locked_bytes(event):
    """The lock that an event is about."""
    return event["file"].rpartition("/")[2], event["start"], event["start"] + event["len"] - 1


def damaged(evidence):
    return holders(evidence, evidence.began, "error", "overwritten")


def verified(evidence):
    return holders(evidence, evidence.first_lock or evidence.ended, "verified")


def grants(evidence):
    """Nobody else gets what is held; nobody gets anything new in grace."""
    name, problems = evidence.group.name, []
    intervals = [i for h in evidence.histories for i in h.intervals(evidence.ended)]
    twice = history.double_grants(intervals)
    problems += sorted({"granted twice: %s bytes %d-%d to %s and %s" % (
        b.file[1], b.start, b.end, a.owner, b.owner) for a, b in twice})
    for tester in [h for h in evidence.histories if h.mode == "try"]:
        denied = [e["t"] for e in tester.of_kind("denied")]
        back = (evidence.grace_end or evidence.first_lock) if tester.group == name else evidence.cut
        if not any(t < evidence.cut for t in denied):
            problems.append(tester.owner + " was never denied before")
        if back is None or not any(t > back for t in denied):
            problems.append(tester.owner + " was never denied after")
    early, said = new_in_grace(evidence)
    return {"granted_twice": len(twice), "new_locks_granted_in_grace": early}, problems + said


def new_in_grace(evidence):
    """Counted in the packets and, independently, in the histories; the larger one counts."""
    until = evidence.grace_surely_until
    if until is None:
        return 0, []
    group = evidence.group
    packets = evidence.trace.new_grants(group.addresses, evidence.takeover, until)
    told = [(h.owner, e) for h in evidence.of_group(group.name, "churn", "try", "hold")
            for e in h.of_kind("granted") if evidence.takeover <= e["t"] <= until]
    problems = ["new lock granted in grace: %s to %s, bytes %d-%d"
                % (p.protocol, p.client, p.start, p.start + p.length - 1) for p in packets]
    problems += ["new lock in grace: %s, byte %d" % (who, e["start"]) for who, e in told]
    return max(len(packets), len(told)), problems


def waits(evidence):
    """How long locks took in the groups that stay where they are."""
    names = {g.name for g in evidence.others}
    churners = [h for h in evidence.histories if h.mode == "churn" and h.group in names]

    def longest(since, until):
        return max((ms for h in churners for ms, _ in h.waits(since, until)), default=None)
    baseline, during = longest(evidence.began, evidence.cut), longest(evidence.cut, evidence.ended)
    problems = []
    if baseline is None or during is None:
        problems.append("no locks taken in the other groups")
    elif during > baseline + WAIT_TOLERANCE_MS:
        problems.append("a lock in another group waited %.0f ms, before at most %.0f ms"
                        % (during, baseline))
    return {"other_group_max_wait_ms": during, "other_group_baseline_max_wait_ms": baseline}, problems


def notifications(evidence):
    """Exactly the group's clients, of exactly the group's addresses, only in grace."""
    sent = evidence.notifies
    clients = sorted({n.client for n in sent})
    identifiers = sorted({n.name for n in sent} | {n.source for n in sent})
    problems = []
    wanted = sorted(evidence.group.addresses) if evidence.clients else []
    if clients != sorted(evidence.clients):
        problems.append("notified %s instead of %s" % (clients, sorted(evidence.clients)))
    if identifiers != wanted:
        problems.append("notified as %s instead of %s" % (identifiers, wanted))
    problems += ["%s was told %s by %s" % (n.client, n.name, n.source)
                 for n in sent if n.name != n.source]
    done = {(n.client, n.name) for n in sent if n.t_ack}
    problems += ["%s never acknowledged %s" % (c, a) for c in evidence.clients
                 for a in evidence.group.addresses if (c, a) not in done]
    until = evidence.grace_surely_until
    problems += ["%s was notified outside grace" % n.client for n in sent
                 if until is None or not evidence.takeover <= n.t <= until]
    states = {n.state for n in sent}
    if len(states) > 1 or any(state % 2 == 0 for state in states):
        problems.append("NSM states sent: %s" % sorted(states))
    asked = sorted({q.client for q in evidence.trace.port_queries
                    if evidence.cut <= q.t <= evidence.ended and
                    q.source in evidence.group.addresses} - set(evidence.clients))
    problems += ["%s was asked for its status monitor" % client for client in asked]
    return {"notified_clients": clients, "notified_identifiers": identifiers}, problems


def moments(evidence):
    problems = ["no answer after the takeover: " + who for who in evidence.silent]
    first, begin, end = evidence.first_lock, evidence.grace_begin, evidence.grace_end
    if first is None:
        problems.append("no lock was granted after the takeover")
    if evidence.clients and begin is None:
        problems.append("there was no grace")
    if not evidence.clients and begin is not None:
        problems.append("there was grace, and nobody to wait for")
    if begin is not None and end is None:
        problems.append("grace did not end")
    if not evidence.clients:
        problems += slow_first_locks(evidence)
    return {"takeover_ms": span_ms(evidence.takeover, first),
            "glr_ms": span_ms(0, evidence.own_agents_s()),
            "outage_ms": span_ms(evidence.cut, first),
            "grace_ms": span_ms(begin, end) if begin is not None else 0}, problems


def slow_first_locks(evidence):
    """In a group nobody had locked in, a new lock has nothing to wait for."""
    fresh = [(h.owner, e["wait_ms"]) for h in evidence.of_group(evidence.group.name, "churn")
             for e in h.of_kind("granted", "interrupted")[:1]]
    return ["%s waited %.0f ms for its first lock" % (who, ms) for who, ms in fresh
            if ms > LONGEST_EMPTY_WAIT_MS]


def span_ms(begin, end):
    return None if begin is None or end is None else round((end - begin) * 1000)


def bystanders(evidence):
    """The other groups keep every lock and are never in grace, told nothing, reclaim nothing."""
    problems = ["the cluster by itself did: %s %s on %s" % (op.action, op.resource, op.node)
                for op in evidence.unasked]
    for group in evidence.others:
        before, after = evidence.before.get(group.name), evidence.after.get(group.name)
        if before != set(evidence.expected.get(group.name, {})) or after != before:
            problems.append("%s: locks were %s, are %s" % (group.name, before, after))
        answers = [a for a in evidence.probes.get(group.name, []) if a["t"] >= evidence.began]
        if not answers or any(a["status"] == "grace" for a in answers):
            problems.append("%s: was in grace, or silent" % group.name)
        if any(lock.reclaim for lock in
               evidence.trace.locks_of(group.addresses, evidence.cut, evidence.ended)):
            problems.append("%s: clients reclaimed" % group.name)
    return {}, problems


def remains(evidence):
    """After a planned move nothing of the group is left behind, its superblock least of all."""
    problems = ["left behind on %s: %s" % (evidence.old_node, what) for what in evidence.leftovers]
    if evidence.device_busy:
        problems.append("superblock still alive on " + evidence.old_node)
    if evidence.planned and evidence.journal_replayed:
        problems.append("the journal was replayed after a planned move: the disk was still in use")
    if not evidence.planned and not evidence.journal_replayed:
        problems.append("no journal replay after a power cut: this audit would see nothing")
    return {}, problems


PARTS = (locks, grants, waits, notifications, moments, bystanders, remains)
