# SPDX-License-Identifier: GPL-2.0-or-later
"""The history one lockmix wrote: who held which range when, who waited, and how long probes took."""
import json
from collections import namedtuple

SILENT = float("inf")

Probe = namedtuple("Probe", "t ms error")
Failure = namedtuple("Failure", "t owner what error")     # what: lock, unlock, lost, foreign, trouble


class Hold:
    """A range somebody had. Surely from t0 to t1; on the server possibly from asked to gone."""

    def __init__(self, log, process, event, asked):
        self.log, self.owner = log, "%s %s" % (log.owner, process)
        self.file = log.group, event["f"]
        self.start, self.end = event["s"], event["s"] + event["n"] - 1
        self.asked, self.t0 = asked, event["t"]
        self.seen = event["t"]          # last proof that it is there
        self.release = None             # the unlocking call's begin
        self.gone = SILENT              # the unlocking call's return
        self.lost = None                # (time, "lost" or "foreign", the error or whose token)
        self.drawn = False              # on a page

    @property
    def ended(self):
        return self.gone != SILENT

    @property
    def t1(self):
        if self.lost:
            return self.seen
        return self.log.last if self.release is None else self.release

    def __str__(self):
        return "%s/%s bytes %d-%d of %s" % (*self.file, self.start, self.end, self.owner)


class Wait:
    """Somebody in a blocking call; outcome None: still, or its client died."""

    def __init__(self, log, process, event):
        self.log, self.owner = log, "%s %s" % (log.owner, process)
        self.file = log.group, event["f"]
        self.start, self.end = event["s"], event["s"] + event["n"] - 1
        self.t0, self.t1, self.outcome = event["t"], None, None
        self.drawn = False

    @property
    def ended(self):
        return self.t1 is not None

    def __str__(self):
        return "%s/%s bytes %d-%d, %s" % (*self.file, self.start, self.end, self.owner)


class Log:
    """What one lockmix on `node` wrote; feed() may be called again with what came since.

    closed: nothing will come any more; whoever says so must have read all of it.
    """

    def __init__(self, node, group, version, text=""):
        self.node, self.group, self.version = node, group, version
        self.owner = "%s over NFSv%s" % (node, version)
        self.last, self.closed, self.torn = 0.0, False, ""
        self.holds, self.waits, self.probes, self.failures = [], [], [], []
        self.denied = self.verified = 0
        self.current = {}               # (process, file, first byte) -> Hold
        self.waiting = {}               # process -> Wait
        self.wanted = {}                # process -> the event of a request without an answer so far
        self.ended = set()
        self.feed(text)

    def feed(self, text):
        lines = (self.torn + text).split("\n")
        self.torn = lines.pop()
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue                # what a shell or the kernel said in between
            event["t"] /= 1e6
            self.last = max(self.last, event["t"])
            getattr(self, "on_" + event["e"], self.pass_over)(event["p"], event)

    def pass_over(self, process, event):
        """Nothing follows from it."""

    def on_want(self, process, event):
        self.wanted[process] = event

    def on_waiting(self, process, event):
        self.wanted[process] = event
        self.waiting[process] = Wait(self, process, event)
        self.waits.append(self.waiting[process])

    def on_denied(self, process, _):
        self.denied += 1
        self.wanted.pop(process, None)

    def answered(self, process, event):
        wait = self.waiting.pop(process, None)
        if wait:
            wait.t1, wait.outcome = event["t"], event["e"]
        return self.wanted.pop(process, event)

    def on_granted(self, process, event):
        asked = self.answered(process, event)["t"]
        hold = Hold(self, process, event, asked)
        self.holds.append(hold)
        self.current[process, event["f"], event["s"]] = hold

    def on_gaveup(self, process, event):
        self.answered(process, event)

    def on_error(self, process, event):
        hold = self.current.get((process, event["f"], event.get("s")))
        what = "unlock" if hold and hold.release is not None else "lock"
        self.answered(process, event)
        self.failures.append(Failure(event["t"], "%s %s" % (self.owner, process), what, event["x"]))

    def hold_of(self, process, event):
        return self.current.get((process, event["f"], event["s"]))

    def on_verified(self, process, event):
        hold = self.hold_of(process, event)
        self.verified += 1
        if hold and not hold.lost:
            hold.seen = event["t"]

    def damage(self, process, event, what, how):
        hold = self.hold_of(process, event)
        if hold and not hold.lost:
            hold.lost = event["t"], what, how

    def on_lost(self, process, event):
        self.damage(process, event, "lost", event["x"])

    def on_mismatch(self, process, event):
        self.damage(process, event, "foreign", event["found"])

    def on_trouble(self, process, event):
        self.failures.append(Failure(event["t"], "%s %s" % (self.owner, process), "trouble", event["x"]))

    def on_release(self, process, event):
        hold = self.hold_of(process, event)
        if hold:
            hold.release = event["t"]

    def on_released(self, process, event):
        hold = self.current.pop((process, event["f"], event["s"]), None)
        if hold:
            hold.gone = event["t"]

    def on_probe(self, _, event):
        self.probes.append(Probe(event["t"], event["w"] / 1000, event.get("x")))

    def on_end(self, process, _):
        self.ended.add(process)
