# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened in a takeover, in the same figures for any lock recovery, good or bad."""
from . import history, judge


def lost(evidence, name):
    """Locks of a group that the server has no more, or whose holder was told so."""
    before, after = evidence.before.get(name, set()), evidence.after.get(name, set())
    harmed = {judge.locked_bytes(e) for h in evidence.of_group(name, "hold")
              for e in h.of_kind("error", "overwritten") if e["t"] >= evidence.cut}
    return before - after | before & harmed


def of_version(evidence, name, locks, version):
    expected = evidence.expected.get(name, {})
    return sum(expected[lock][1] == version for lock in locks if lock in expected)


def back_s(evidence):
    """Seconds until the last of the locks that the moved group kept was reclaimed; None: none was kept."""
    name = evidence.group.name
    kept = evidence.before.get(name, set()) - lost(evidence, name)
    times = []
    for lock in kept:
        client, version = evidence.expected[name][lock]
        protocol = "nlm" if version == "3" else "nfs4"
        times += [min((r.t for r in evidence.reclaims if (r.client, r.protocol) == (client, protocol) and
                       (r.start, r.start + r.length - 1) == lock[1:]), default=evidence.ended)]
    return round(max(times) - evidence.cut, 1) if times else None


def figures(evidence):
    """{column: number or None}"""
    name = evidence.group.name
    before, gone = evidence.before.get(name, set()), lost(evidence, name)
    others = [g.name for g in evidence.others]
    intervals = [i for h in evidence.histories for i in h.intervals(evidence.ended)]
    told = {n.client for n in evidence.notifies}
    waits, _ = judge.waits(evidence)
    return {
        "v3_held": of_version(evidence, name, before, "3"),
        "v3_lost": of_version(evidence, name, gone, "3"),
        "v4_held": of_version(evidence, name, before, "4.2"),
        "v4_lost": of_version(evidence, name, gone, "4.2"),
        "others_held": sum(len(evidence.before.get(o, ())) for o in others) if others else None,
        "others_lost": sum(len(lost(evidence, o)) for o in others) if others else None,
        "granted_twice": len({(first.file, first.start) for first, _ in history.double_grants(intervals)}),
        "other_group_max_wait_ms": waits["other_group_max_wait_ms"],
        "locks_back_s": back_s(evidence),
        "told_wrongly": len(told - set(evidence.clients)),
    }
