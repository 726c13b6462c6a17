# SPDX-License-Identifier: GPL-2.0-or-later
"""When nodes stood still, as workload/standstill.c saw it, and how much of a wait that explains."""


def parse(text):
    """[(begin, end)] in seconds since 1970, of whole lines; what a shell or the kernel said in between is left out."""
    pairs = (line.split() for line in text.split("\n")[:-1])
    return [(int(pair[0]) / 1e6, int(pair[1]) / 1e6) for pair in pairs
            if len(pair) == 2 and all(word.isdigit() for word in pair)]


def overlap_s(begin, end, spans):
    """Seconds of begin..end that lie in any of the spans."""
    total, at = 0.0, begin
    for first, last in sorted(spans):
        if last > at and first < end:
            total += min(last, end) - max(first, at)
            at = min(last, end)
    return total
