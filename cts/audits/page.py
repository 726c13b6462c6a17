# SPDX-License-Identifier: GPL-2.0-or-later
"""One run as one self-contained HTML page: lanes over time, to be looked at in any browser, also without scripts.

    page.write("run.html", stories)     of page.Story; storytelling.py makes them of evidence and of logs
"""
import html
import json
import os
import time
from dataclasses import dataclass, field

from . import page_svg

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass
class Track:
    """What one process on a client did; bars: (begin, end, "held" | "wait" | "lost", text)."""
    client: str
    group: str
    version: str
    process: str
    bars: list = field(default_factory=list)


@dataclass
class Story:
    """All times are seconds since 1970; spans may be open-ended (None: until the end)."""
    title: str
    began: float
    ended: float
    zero: float                                     # what times on the page count from
    servers: list                                   # node names, top to bottom
    clients: list
    groups: list                                    # names; their order makes their colours
    tracks: list = field(default_factory=list)
    serving: list = field(default_factory=list)     # (group, server, begin, end)
    grace: list = field(default_factory=list)       # (group, server, begin, end)
    away: list = field(default_factory=list)        # (group, begin, end): nobody served it
    down: list = field(default_factory=list)        # (node, begin, end): no power
    marks: list = field(default_factory=list)       # (time, node or None, kind, text), kind: see KINDS
    waits: dict = field(default_factory=dict)       # group -> {second: longest wait in ms}
    facts: list = field(default_factory=list)       # (name, value) above the picture
    problems: list = field(default_factory=list)
    notes: list = field(default_factory=list)       # sentences under the title


# Of marks: faults run through the whole picture, the others stand in their node's lane.
KINDS = {"fault": "fault", "takeover": "takeover", "told": "client told to reclaim", "reclaim": "lock reclaimed",
         "step": "step of a takeover", "lost": "lock lost"}


def read(name):
    with open(os.path.join(HERE, name)) as f:
        return f.read()


def write(path, stories):
    """The page, whole or not at all."""
    with open(path + ".new", "w") as f:
        f.write(render(stories))
    os.replace(path + ".new", path)


def render(stories):
    groups = list(dict.fromkeys(group for story in stories for group in story.groups))
    failed = sum(bool(story.problems) for story in stories)
    return PAGE % {
        "title": html.escape(", ".join(story.title for story in stories)), "style": read("page.css"),
        "script": read("page.js"), "patterns": page_svg.patterns(groups), "width": page_svg.LABELS + page_svg.WIDTH,
        "contents": contents(stories, failed),
        "stories": "".join(section(story, number, groups) for number, story in enumerate(stories))}


def contents(stories, failed):
    if len(stories) < 2:
        return ""
    links = "".join('<li><a href="#s%d">%s</a> %s</li>' % (i, html.escape(s.title), verdict(s))
                    for i, s in enumerate(stories))
    return "<nav><h1>%d runs, %d with problems</h1><ol>%s</ol></nav>" % (len(stories), failed, links)


def verdict(story):
    if not story.problems:
        return '<em class="good">passed</em>'
    return '<em class="bad">%d problem%s</em>' % (len(story.problems), "s" if len(story.problems) > 1 else "")


def section(story, number, groups):
    picture = page_svg.Picture(story, groups)
    # A script element ends at the first "</", whatever quotes it stands in.
    data = json.dumps(picture.data(), separators=(",", ":")).replace("<", "\\u003c")
    return SECTION % {
        "number": number, "title": html.escape(story.title), "verdict": verdict(story), "data": data,
        "when": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(story.began)),
        "notes": "".join("<p>%s</p>" % html.escape(note) for note in story.notes),
        "facts": "".join("<div><b>%s</b><span>%s</span></div>" % (html.escape(str(value)), html.escape(name))
                         for name, value in story.facts if value is not None),
        "problems": problems(story), "legend": page_svg.legend(groups), "picture": picture.svg(),
        "events": "".join(event_row(story, mark) for mark in sorted(story.marks, key=lambda m: m[0]))}


def problems(story):
    if not story.problems:
        return ""
    return "<ul class=problems>%s</ul>" % "".join("<li>%s</li>" % html.escape(p) for p in story.problems)


def event_row(story, mark):
    moment, node, kind, text = mark
    return ('<tr class="%s" data-t="%d"><td>%s</td><td>%+.2f s</td><td>%s</td><td>%s</td></tr>'
            % (html.escape(kind), (moment - story.began) * 1000,
               time.strftime("%H:%M:%S", time.localtime(moment)), moment - story.zero,
               html.escape(node or ""), html.escape(text)))


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%(title)s</title>
<meta name="viewport" content="width=device-width"><style>
%(style)s</style></head><body>%(patterns)s<main style="width:%(width)dpx">
%(contents)s%(stories)s
</main><div id=tip hidden></div>
<script>
%(script)s</script></body></html>
"""

SECTION = """<section id="s%(number)d">
<header><h1>%(title)s</h1>%(verdict)s<time>%(when)s</time></header>
%(notes)s
<div class=facts>%(facts)s</div>
%(problems)s
<div class=bar>%(legend)s<div class=zoom hidden><button data-do="in">+</button><button
data-do="out">&minus;</button><button data-do="all">all</button><small>wheel: zoom &middot; drag: move</small></div></div>
<div class=picture>%(picture)s</div>
<details open><summary>What happened</summary>
<table><thead><tr><th>time</th><th></th><th>where</th><th>what</th></tr></thead><tbody>%(events)s</tbody></table>
</details>
<script type="application/json">%(data)s</script></section>
"""
