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


def lines(path):
    """(time, node, daemon, function, message) of every line of a node's log."""
    if not os.path.exists(path):
        return
    with open(path, errors="replace") as f:
        for text in f:
            match = LINE.match(text)
            if match:
                day, ms, node, daemon, function, message = match.groups()
                yield clock(day, ms), node, daemon, function, message


def operations(path):
    """Resource actions one node ran, in the order they began."""
    found = {}
    for when, node, _, function, message in lines(path):
        if function == "log_execute":
            match = BEGIN.search(message)
            if match:
                resource, action, call = match.groups()
                found[call] = Operation(node, resource, action, when, None, None)
        elif function == "log_finished":
            match = END.match(message)
            if match and match.group(3) in found:
                call, rc = match.group(3), int(match.group(4))
                found[call] = found[call]._replace(end=when, rc=rc)
    return list(found.values())


class Watch:
    """Tells when a cluster has come to rest since it was last asked."""

    def __init__(self, paths):
        self.places = {path: self.size(path) for path in paths}

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
        return rest
