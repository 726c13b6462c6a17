# SPDX-License-Identifier: GPL-2.0-or-later
"""A takeover told in order, for people."""
import time

BAR_WIDTH = 60


def tell(evidence, report, problems):
    """The text of one takeover, ending with a verdict line."""
    lines = ["", "%s: group %s, %s -> %s" % (evidence.name, evidence.group.name,
                                            evidence.old_node, evidence.new_node), ""]
    lines += ["  " + line for line in who_held_what(evidence)]
    lines.append("")
    zero = evidence.cut
    events = sorted(happened(evidence), key=lambda event: event[0])
    lines += ["  %s  %+8.2f s  %s" % (time.strftime("%H:%M:%S", time.localtime(t)), t - zero, text)
              for t, text in events]
    lines += [""] + ["  " + line for line in bars(evidence)]
    lines += ["", "  " + others(evidence, report)]
    lines += ["  PROBLEM: " + problem for problem in problems]
    lines += ["  " + verdict(evidence, report, problems), ""]
    return "\n".join(lines)


def who_held_what(evidence):
    for name in [evidence.group.name] + [g.name for g in evidence.others]:
        held = {}
        for client, version in evidence.expected.get(name, {}).values():
            held[(client, version)] = held.get((client, version), 0) + 1
        told = ", ".join("%s holds %d over NFSv%s" % (client, count, version)
                         for (client, version), count in sorted(held.items()))
        where = evidence.old_node if name == evidence.group.name else "stays"
        yield "%-6s (%s): %s" % (name, where, told or "nobody holds a lock")


def happened(evidence):
    """(time, sentence) of everything worth telling."""
    yield evidence.cut, ("%s is told to give %s away" % (evidence.old_node, evidence.group.name)
                         if evidence.planned else "POWER CUT: %s is dead" % evidence.old_node)
    for op in evidence.starts:
        took = " (%.0f ms)" % ((op.end - op.begin) * 1000) if op.end else ""
        yield op.begin, "%s starts %s%s" % (evidence.new_node, op.resource, took)
    if evidence.grace_begin:
        yield evidence.grace_begin, "grace: %s grants no new locks in %s" % (
            evidence.new_node, evidence.group.name)
    told = {}
    for n in evidence.notifies:
        told.setdefault(n.client, []).append(n)
    for client, sent in told.items():
        yield sent[0].t, "%s is told to reclaim, by %s" % (
            client, " and ".join(sorted({n.name for n in sent})))
    reclaims = evidence.reclaims
    for (client, protocol), group in by_client(reclaims).items():
        yield group[0].t, "%s has its first lock back (%s)" % (client, speak(protocol))
    if reclaims:
        yield reclaims[-1].t, "all %d reclaims done" % len(reclaims)
    if evidence.grace_end:
        yield evidence.grace_end, "grace ends"
    fresh = [lock for lock in new_locks(evidence) if lock.t >= (evidence.grace_end or evidence.cut)]
    if fresh:
        yield fresh[0].t, "first new lock in %s granted, to %s" % (evidence.group.name,
                                                                  fresh[0].client)


def new_locks(evidence):
    since = evidence.takeover if evidence.takeover is not None else evidence.cut
    return evidence.trace.new_grants(evidence.group.addresses, since, evidence.ended)


def by_client(reclaims):
    found = {}
    for lock in reclaims:
        found.setdefault((lock.client, lock.protocol), []).append(lock)
    return found


def speak(protocol):
    return {"nlm": "NFSv3", "nfs4": "NFSv4"}[protocol]


def bars(evidence):
    """One character per slice of time: are new locks being granted?"""
    begin, end = evidence.began, evidence.ended
    step = max((end - begin) / BAR_WIDTH, 0.001)
    yield "new locks granted, one sign per %.1f s (# many, . none, | %s):" % (
        step, "the order" if evidence.planned else "the power cut")
    for group in [evidence.group] + evidence.others:
        times = [e["t"] for h in evidence.of_group(group.name, "churn")
                 for e in h.of_kind("granted")]
        counts = [0] * BAR_WIDTH
        for t in times:
            if begin <= t < end:
                counts[min(BAR_WIDTH - 1, int((t - begin) / step))] += 1
        signs = ["#" if count else "." for count in counts]
        signs.insert(int((evidence.cut - begin) / step), "|")
        yield "%-6s %s" % (group.name, "".join(signs))


def others(evidence, report):
    names = " and ".join(g.name for g in evidence.others)
    longest = report.get("other_group_max_wait_ms")
    baseline = report.get("other_group_baseline_max_wait_ms")
    if longest is None or baseline is None:
        return "%s: nothing measured" % names
    return ("%s meanwhile: longest wait for a lock %.0f ms (before: %.0f ms), told nothing"
            % (names, longest, baseline))


def verdict(evidence, report, problems):
    if problems:
        return "FAILED: %d problem%s" % (len(problems), "s" if len(problems) > 1 else "")
    return ("PASSED: %d of %d locks reclaimed %.1f s after the %s, 0 lost, 0 granted twice, "
            "0 new in grace; other groups untouched"
            % (report["locks_reclaimed"], report["locks_held_before"],
               report["outage_ms"] / 1000, "order" if evidence.planned else "power cut"))
