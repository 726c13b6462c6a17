# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened and when, from Pacemaker's own log: asking the cluster would slow it down.

Every crm_mon costs a node a tenth of a second or two of its one processor, more
than most actions of a resource agent; the log reaches the host by itself.
"""
import os
import re
import time
from collections import namedtuple

# Times are CLOCK_REALTIME; end and rc are None while it runs, or if the node died first.
Operation = namedtuple("Operation", "node resource action begin end rc")

LINE = re.compile(r"^(\w{3} \d\d \d\d:\d\d:\d\d)\.(\d{3}) (\S+)\s+(\S+?)\s*\[\d+\] \((\w+)\)\s+"
                  r"\w+: (.*)$")
BEGIN = re.compile(r"executing - rsc:(\S+) action:(\S+) call_id:(\d+)")
END = re.compile(r"(\S+) (\S+) \(call (\d+)(?:, PID \d+)?\) exited with status (\d+)")
IDLE = "-> S_IDLE"


def clock(day_and_time, milliseconds):
    year = time.localtime().tm_year
    parsed = time.strptime("%d %s" % (year, day_and_time), "%Y %b %d %H:%M:%S")
    return time.mktime(parsed) + int(milliseconds) / 1000


def parse(text):
    """(time, node, daemon, function, message) of a line; None: it is none of Pacemaker's own."""
    match = LINE.match(text)
    if not match:
        return None
    day, ms, node, daemon, function, message = match.groups()
    return clock(day, ms), node, daemon, function, message


class Reader:
    """One node's log, read on each time it is asked."""

    def __init__(self, path, offset=0):
        self.path, self.offset, self.torn = path, offset, b""
        self.found, self.open = [], {}  # operations; call -> index of the one that runs

    def lines(self):
        """The lines that came since it was last asked, as text."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, "rb") as f:
            f.seek(self.offset)
            data = f.read()
        self.offset += len(data)
        *whole, self.torn = (self.torn + data).split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def operations(self):
        """All resource actions so far, in the order they began; a node that boots again counts calls anew."""
        for text in self.lines():
            if "log_execute" in text or "log_finished" in text:
                self.note(parse(text))
        return self.found

    def note(self, line):
        when, node, _, _, message = line or (None,) * 4 + ("",)
        match = BEGIN.search(message)
        if match:
            resource, action, call = match.groups()
            self.open[call] = len(self.found)
            self.found.append(Operation(node, resource, action, when, None, None))
            return
        match = END.match(message)
        if match and match.group(3) in self.open:
            at = self.open.pop(match.group(3))
            self.found[at] = self.found[at]._replace(end=when, rc=int(match.group(4)))


def operations(path):
    """Resource actions one node ran, in the order they began."""
    return Reader(path).operations()


class Watch:
    """Tells when a cluster has come to rest since it was last asked.

    grew    when a log was last seen to have grown, by time.monotonic()
    """

    def __init__(self, paths):
        self.places = {path: self.size(path) for path in paths}
        self.grew = time.monotonic()

    @staticmethod
    def size(path):
        return os.path.getsize(path) if os.path.exists(path) else 0

    def came_to_rest(self):
        rest = False
        for path, place in self.places.items():
            size = self.size(path)
            if size > place:
                with open(path, "rb") as f:
                    f.seek(place)
                    rest = rest or IDLE.encode() in f.read()
                self.places[path] = size
                self.grew = time.monotonic()
        return rest
