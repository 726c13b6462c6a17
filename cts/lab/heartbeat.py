# SPDX-License-Identifier: GPL-2.0-or-later
"""Notices nodes in which no timer ends any more, and signals them that one has.

A User Mode Linux kernel has one timer of the host's, and sets it anew whenever its signal has come. Once in some hundred
boots it stays away: the node goes on answering packets, but none of its processes wakes from a sleep. That looks like
the fault of whatever is tested, so it is among the lab's events when it happened and whether the signal helped.
"""
import signal
import threading
import time

SILENT_S = 1
PERIOD_S = 0.25


class Heartbeat:
    def __init__(self, lab):
        self.lab = lab
        self.silent = set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.wait(PERIOD_S):
            for node in self.lab.nodes.values():
                self.look_at(node)

    def look_at(self, node):
        process, late_s = node.process, time.monotonic() - node.last_beat
        if not process or not node.up.is_set():
            self.silent.discard(node)
        elif late_s < SILENT_S:
            if node in self.silent:
                self.silent.discard(node)
                self.lab.note("%s: timers end again", node.name)
        else:
            if node not in self.silent:
                self.silent.add(node)
                self.lab.note("%s: no timer has ended for %.1f s", node.name, late_s)
            process.send_signal(signal.SIGALRM)     # one that is only busy takes no harm

    def stop(self):
        self.over.set()
        self.thread.join()
