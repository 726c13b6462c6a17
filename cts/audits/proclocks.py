# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's table of locks, /proc/locks, by filesystem device."""
import re
from collections import namedtuple

TO_EOF = (1 << 63) - 1
LINE = re.compile(r"^\d+:\s(?P<waits>->\s+)?\s*(?P<kind>\w+)\s+\w+\s+(?P<mode>\w+)\s+-?\d+\s+"
                  r"(?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+):(?P<inode>\d+)\s+(?P<start>\d+)\s+"
                  r"(?P<end>\d+|EOF)")

# One granted lock; end is the last byte, as the kernel counts.
Held = namedtuple("Held", "inode start end mode")


def parse(text, major, minor):
    """The granted POSIX locks on a device. The table is read in pages and is no snapshot."""
    held = []
    for line in text.splitlines():
        found = LINE.match(line)
        if not found or found["waits"] or found["kind"] not in ("POSIX", "OFDLCK"):
            continue
        if (int(found["major"], 16), int(found["minor"], 16)) != (major, minor):
            continue
        end = TO_EOF if found["end"] == "EOF" else int(found["end"])
        held.append(Held(int(found["inode"]), int(found["start"]), end, found["mode"]))
    return held
