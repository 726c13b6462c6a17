# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lock workload wrote down, and when it surely held what."""
import json
from collections import namedtuple

# Surely held by `owner` from t0 to t1 (seconds since 1970). `file` is (group, file name),
# so that it is the same file for every client and both protocols.
Interval = namedtuple("Interval", "file start end owner t0 t1")


class History:
    """One workload process: who, in which group, with which protocol, and its events."""

    def __init__(self, owner, group, version, mode, node, text):
        self.owner, self.group, self.version, self.mode, self.node = owner, group, version, mode, node
        self.events = list(parse(text))

    def of_kind(self, *kinds):
        return [e for e in self.events if e["kind"] in kinds]

    def waits(self, since, until):
        """(ms, time of the answer) of each request that was under way in this span."""
        return [(e["wait_ms"], e["t"]) for e in self.of_kind("granted", "interrupted", "error")
                if e["t"] >= since and e["t"] - e["wait_ms"] / 1000 <= until]

    def intervals(self, last):
        """Intervals in which locks were surely held; `last`: when the history was closed."""
        held, result = {}, []
        for e in self.events:
            where = e["start"], e["len"]
            if e["kind"] == "granted":
                held[where] = [e["t"], e["t"], False]
            elif where in held and e["kind"] == "verified":
                held[where][1] = e["t"]
            elif where in held and e["kind"] == "released":
                result.append(self.interval(e, held.pop(where)[0], e["t"]))
            elif where in held and e["kind"] in ("error", "overwritten"):
                # Lost at some time after it was last seen intact.
                t0, t1, _ = held.pop(where)
                result.append(self.interval(e, t0, t1))
        for (start, length), (t0, _, _) in held.items():
            result.append(self.interval({"file": self.events[-1]["file"], "start": start,
                                         "len": length}, t0, last))
        return result

    def interval(self, event, t0, t1):
        name = event["file"].rpartition("/")[2]
        return Interval((self.group, name), event["start"], event["start"] + event["len"] - 1,
                        self.owner, t0, t1)


def parse(text):
    """Events with "t" in seconds; a line the process could not finish is left out."""
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        try:
            event = json.loads(line)
        except ValueError:
            continue
        event["t"] /= 1e9
        yield event


def double_grants(intervals):
    """Pairs of intervals in which two owners held the same bytes at the same time."""
    pairs, active = [], {}
    for one in sorted(intervals, key=lambda i: i.t0):
        rivals = active.setdefault(one.file, [])
        rivals[:] = [r for r in rivals if r.t1 > one.t0]
        pairs += [(r, one) for r in rivals
                  if r.owner != one.owner and r.start <= one.end and one.start <= r.end]
        rivals.append(one)
    return pairs
