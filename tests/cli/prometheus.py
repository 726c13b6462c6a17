#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads Prometheus' text format, version 0.0.4, more strictly than Prometheus itself: every metric has one HELP and one
TYPE before its samples, samples of a metric stand together, and none comes twice. Prints them, sorted, labels too."""
import re
import sys

METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z|[+-]Inf\Z|NaN\Z")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def refuse(number, why):
    sys.exit("line %d: %s" % (number, why))


def labels(text, number):
    found = {}
    while text:
        label = LABEL.match(text)
        if not label or label[1] in found:
            refuse(number, "labels: " + text)
        found[label[1]] = re.sub(r'\\[\\"n]', lambda escape: UNESCAPED[escape[0]], label[2])
        text = text[label.end():]
        if text and not text.startswith(","):
            refuse(number, "labels: " + text)
        text = text[1:]
    return tuple(sorted(found.items()))


def parse(text):
    if not text.endswith("\n"):
        refuse(0, "the last line has no end")
    samples, helped, types, current = {}, set(), {}, None
    for number, line in enumerate(text.split("\n")[:-1], 1):
        if line.startswith("#"):
            mark, kind, name, rest = (line.split(" ", 3) + ["", "", ""])[:4]
            if mark != "#" or not METRIC.match(name) or not rest:
                refuse(number, line)
            if kind == "HELP" and name not in helped:
                helped.add(name)
                current = name
            elif kind == "TYPE" and name == current and name not in types and rest in ("gauge", "counter"):
                types[name] = rest
            else:
                refuse(number, line)
            continue
        parts = re.match(r"([^{ ]+)(?:\{([^}]*)\})? (\S+)\Z", line)
        if not parts or parts[1] != current or current not in types or not NUMBER.match(parts[3]):
            refuse(number, line)
        key = (parts[1], labels(parts[2] or "", number))
        if key in samples:
            refuse(number, "twice: " + line)
        samples[key] = parts[3]
    return samples


for (metric, found), value in sorted(parse(sys.stdin.read()).items()):
    print(metric, *("%s=%r" % label for label in found), value)
