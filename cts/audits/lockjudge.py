# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges the histories of the mixed workload (workload/lockmix.c).

    logs = [lockjudge.Log("c1", "home", "4.2", text), ...]      one per lockmix, see scenarios/mix.py
    report, problems = lockjudge.judge(logs, since, until, ...)

All times are seconds since 1970, and only what happened in since..until is judged, so that a long run can be
judged fault by fault. Each problem begins with the name of the audit that found it:

    granted-twice   two held the same byte at the same time; held: from the return of the call that locked to the
                    begin of the one that unlocked. Of a lock that was lost, and of one whose client died, only up
                    to the last moment at which its holder proved it
    foreign-token   a holder read another's token in its range
    lost            a read or write in a held range said that the lock is gone
    unserved        who waits for a range that was free for SERVED_WITHIN_S on end, outages left out, or gave up
    table           a lock somebody surely held that is not in the server's table, or one in the table that is nobody's
    slow            a group outside of faults answered later than in its baseline
    error           a lock or unlock call failed outside of outages

judge()'s further arguments:
    outages   {group: [(begin, end), ...]}: the group was away or in grace; nobody need be served, errors are allowed
    excused   [(client, begin, end), ...]: the client was cut off or down so long that it may lose its locks: those
              it held in the span count as held only until its begin, and losing them is no finding
    tables    [(group, begin, end, {(file, first byte, last byte), ...}), ...]: what the server's lock table showed,
              and when it was read (those in FILES)
    baseline  {group: ms}: longest wait of probes before (longest_wait()); of groups that should notice nothing
    still     {node: [(begin, end), ...]}: when nodes stood still (standstills.py)
    places    {group: node}: where groups with a baseline are served

The report's numbers: locks (taken), verified, waited, granted_twice, locks_lost (of ranges: lost, foreign or not in
the table), unserved, lock_errors, other_group_max_wait_ms (of groups with a baseline, None without), and
other_group_max_delay_ms, which is the longest of these waits less what their nodes stood still meanwhile.
"""
import time

from .history import Interval, double_grants
from .mixlog import Hold, Log, Wait  # noqa: F401
from .standstills import overlap_s

FILES = ("hold.", "mix.")   # so begin the names of those that lockmix locks in, but for its probes
SERVED_WITHIN_S = 45        # clients ask again every 30 s when nobody tells them
CLOCK_ERROR_S = 0.002
WAIT_TOLERANCE_MS = 100
TOLD = 10                   # findings of one audit, the rest is counted


def judge(logs, since, until, outages=None, excused=(), tables=(), baseline=None, still=None, places=None):
    """(report, problems) of what happened in since..until; no problem means passed."""
    view = View(logs, since, until, outages or {}, excused, tables, baseline or {}, still or {}, places or {})
    report, problems = {"locks": sum(since <= h.t0 < until for h in view.holds),
                        "verified": sum(log.verified for log in logs),
                        "waited": sum(since <= w.t0 < until for w in view.waits)}, []
    lost = set()
    for audit in (granted_twice, damaged, unserved, table, slow, errors):
        numbers, found = audit(view, lost)
        report.update(numbers)
        problems += shorten(found)
    report["locks_lost"] = len(lost)
    return report, problems


def shorten(found):
    left = len(found) - TOLD
    return found[:TOLD] + (["%s: and %d more" % (found[0].partition(":")[0], left)] if left > 0 else [])


class View:
    """The histories, seen through what is allowed to have happened to whom."""

    def __init__(self, logs, since, until, outages, excused, tables, baseline, still, places):
        self.logs, self.since, self.until = logs, since, until
        self.outages, self.excused, self.tables, self.baseline = outages, excused, tables, baseline
        self.still, self.places = still, places
        self.holds = [h for log in logs for h in log.holds if h.t0 < until and h.gone >= since]
        self.waits = [w for log in logs for w in log.waits
                      if w.t0 < until and (w.t1 is None or w.t1 >= since)]

    def has(self, moment):
        return self.since <= moment < self.until

    def sure_end(self, hold):
        """Until when the holder may count on it."""
        spans = [begin for client, begin, end in self.excused
                 if client == hold.log.node and hold.t0 < end and hold.t1 > begin]
        return min([hold.t1] + spans)

    def excuses(self, hold):
        return any(client == hold.log.node and hold.t0 < end and hold.lost[0] > begin
                   for client, begin, end in self.excused)

    def standstills(self, client, group):
        return self.still.get(client, []) + self.still.get(self.places.get(group), [])

    def is_out(self, group, moment):
        return any(begin <= moment <= end for begin, end in self.outages.get(group, ()))


def clock(moment):
    return time.strftime("%H:%M:%S", time.localtime(moment)) + ".%03d" % (moment % 1 * 1000)


def granted_twice(view, _):
    spans = [Interval(h.file, h.start, h.end, h.owner, h.t0, view.sure_end(h)) for h in view.holds]
    pairs = [(a, b) for a, b in double_grants(s for s in spans if s.t1 > s.t0)
             if view.has(b.t0) and min(a.t1, b.t1) - b.t0 > CLOCK_ERROR_S]
    return {"granted_twice": len(pairs)}, [
        "granted-twice: %s/%s bytes %d-%d at %s to %s while %s held them" % (
            *b.file, max(a.start, b.start), min(a.end, b.end), clock(b.t0), b.owner, a.owner)
        for a, b in pairs]


def damaged(view, lost):
    """What holders themselves noticed."""
    problems = []
    for hold in view.holds:
        if not hold.lost or not view.has(hold.lost[0]) or view.excuses(hold):
            continue
        moment, what, how = hold.lost
        lost.add((hold.file, hold.start, hold.owner))
        problems.append("%s: %s, %s at %s, intact at %s" % (
            {"lost": "lost", "foreign": "foreign-token"}[what], hold, how, clock(moment), clock(hold.seen)))
    return {}, sorted(problems)


def unserved(view, _):
    problems = []
    for wait in view.waits:
        end = view.until if wait.t1 is None else wait.t1
        if wait.t1 is None and wait.log.closed:
            continue                    # its client died
        if wait.outcome == "gaveup":
            if view.has(end) and not view.is_out(wait.file[0], end):
                problems.append("unserved: %s, gave up after %.0f s" % (wait, end - wait.t0))
            continue
        if end - wait.t0 <= SERVED_WITHIN_S:
            continue
        for begin, free_end in free_spans(view, wait, end):
            if free_end - begin > SERVED_WITHIN_S and view.has(begin + SERVED_WITHIN_S):
                problems.append("unserved: %s, %.0f s after %s, when the range became free" % (
                    wait, free_end - begin, clock(begin)))
    return {"unserved": len(problems)}, problems


def free_spans(view, wait, end):
    """Parts of the wait in which nobody can have had the range and the group was serving."""
    busy = [(h.t0, h.gone) for log in view.logs for h in log.holds
            if h.file == wait.file and h.start <= wait.end and wait.start <= h.end and
            h.gone > wait.t0 and h.t0 < end]
    at = wait.t0
    for begin, over in sorted(busy + list(view.outages.get(wait.file[0], ()))):
        if begin > at:
            yield at, min(begin, end)
        at = max(at, over)
    if at < end:
        yield at, end


def table(view, lost):
    problems = []
    for group, begin, end, entries in view.tables:
        sure, possible = set(), set()
        for hold in (h for log in view.logs for h in log.holds if h.file[0] == group):
            where = hold.file[1], hold.start, hold.end
            if hold.asked <= end and hold.gone >= begin:
                possible.add(where)
            if hold.t0 < begin and view.sure_end(hold) > end:
                sure.add(where)
                if where not in entries:
                    lost.add((hold.file, hold.start, hold.owner))
                    problems.append("table: %s is not in the server's table at %s" % (hold, clock(begin)))
        possible |= {(e["f"], e["s"], e["s"] + e["n"] - 1) for log in view.logs if log.group == group
                     for e in log.wanted.values() if e["t"] <= end}
        problems += ["table: %s/%s bytes %d-%d are nobody's, and locked at %s" % (group, *where, clock(begin))
                     for where in sorted(entries - possible)]
    return {}, problems


def waits(logs, group, since, until):
    """(client, begin, end) of each wait of the group's probes for an answer."""
    for log in logs:
        if log.group != group or not log.probes:
            continue
        for p in log.probes:
            if p.t >= since and p.t - p.ms / 1000 <= until:
                yield log.node, p.t - p.ms / 1000, p.t
        if not log.closed and log.probes[-1].t < until:
            yield log.node, log.probes[-1].t, until             # asked, and nobody answers


def longest_wait(logs, group, since, until):
    """Longest wait of the group's probes for an answer, in ms; None: there was no probe."""
    return max(((end - begin) * 1000 for _, begin, end in waits(logs, group, since, until)), default=None)


def add_seconds(seconds, waits):
    """Puts waits, as (ms, time of the answer), into {second: longest wait that was under way in it, ms}."""
    for ms, answered in waits:
        for second in range(int(answered - ms / 1000), int(answered) + 1):
            seconds[second] = max(seconds.get(second, 0), ms)


def slow(view, _):
    problems, longest, delayed = [], None, None
    for group, before in view.baseline.items():
        found = list(waits(view.logs, group, view.since, view.until))
        if not found or before is None:
            problems.append("slow: nobody probed %s" % group)
            continue
        ms = round(max(end - begin for _, begin, end in found) * 1000, 3)
        delay = round(1000 * max(end - begin - overlap_s(begin, end, view.standstills(client, group))
                                 for client, begin, end in found), 3)
        longest, delayed = max(ms, longest or 0), max(delay, delayed or 0)
        if delay > before + WAIT_TOLERANCE_MS:
            problems.append("slow: %s answered after %.0f ms, in which its nodes did not stand still, before within "
                            "%.0f ms" % (group, delay, before))
    return {"other_group_max_wait_ms": longest, "other_group_max_delay_ms": delayed}, problems


def errors(view, _):
    found = []
    for log in view.logs:
        for failure in log.failures:
            absent = any(client == log.node and begin <= failure.t <= end
                         for client, begin, end in view.excused)
            if view.has(failure.t) and not absent and not view.is_out(log.group, failure.t):
                found.append("error: %s in %s at %s: %s: %s" % (
                    failure.owner, log.group, clock(failure.t), failure.what, failure.error))
    return {"lock_errors": len(found)}, found
