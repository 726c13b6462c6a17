# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of a page: where everything is, as SVG for every browser and as data for the page's script."""
import html
import math

LABELS, WIDTH = 132, 1220           # px: the column of names, the plot
FLAG, FLAG_LINES, AXIS = 13, 3, 20  # px above the lanes: lines for the faults' names; the time axis
SERVER_ROW, LANE_GAP, BLOCK_GAP = 15, 14, 3
CLIENT_ROWS = ((20, 13), (45, 9), (None, 7))    # up to so many rows are so high
WAITS_ROW = 38
LEAST_PX = 0.8                      # anything shorter is drawn that long
CHARACTER_PX = 6.2
CROWD = 80                          # more faults than that, and their lines would hide the rest
COLOURS = ("#2b6cb0", "#2f855a", "#805ad5", "#0e7490", "#9d174d", "#4d7c0f")
BAR_KINDS = ("held", "wait", "lost", "recovering", "serving", "grace", "down", "away")
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)


class Row:
    """One line of the plot. bars: (begin, end, kind, text) in seconds since the story began."""

    def __init__(self, y, height, group, name, bars):
        self.y, self.height, self.group, self.name, self.bars = y, height, group, name, bars


class Picture:
    """groups: of all stories on the page; a group has one colour on it."""

    def __init__(self, story, groups):
        self.story, self.groups, self.span = story, groups, max(story.ended - story.began, 0.001)
        self.rows, self.shades, self.labels, self.lanes, self.charts = [], [], [], {}, []
        faults = sum(mark[2] == "fault" for mark in story.marks)
        self.flags = 6 + FLAG * min(faults, FLAG_LINES)
        self.y = self.top = self.flags + AXIS
        self.client_row = next(high for most, high in CLIENT_ROWS if most is None or len(story.tracks) <= most)
        for name in story.servers:
            self.server(name)
        for name in story.clients:
            self.client(name)
        self.lanes_end = self.y
        for group in [g for g in story.groups if story.waits.get(g)]:
            self.chart(group)
        self.height = self.y + 6

    def colour(self, group):
        return COLOURS[self.groups.index(group) % len(COLOURS)] if group else ""

    def clip(self, begin, end):
        """Seconds since the story began, within it; None where nothing is left."""
        begin = max(begin - self.story.began, 0)
        end = self.span if end is None else min(end - self.story.began, self.span)
        return (begin, end) if end >= begin else None

    def bars(self, spans):
        """(begin, end, kind, text) of what lies within the story, in order."""
        found = [(self.clip(begin, end), kind, text) for begin, end, kind, text in spans]
        return sorted((*span, kind, text) for span, kind, text in found if span)

    # from top to bottom

    def server(self, name):
        story, top = self.story, self.y
        for group in story.groups:
            spans = [(b, e, "serving", "%s serves %s" % (name, group))
                     for g, n, b, e in story.serving if (g, n) == (group, name)]
            spans += [(b, e, "recovering", "%s: grace in %s" % (name, group))
                      for g, n, b, e in story.grace if (g, n) == (group, name)]
            self.rows.append(Row(self.y, SERVER_ROW - 2, group, name, self.bars(spans)))
            self.labels.append((58, self.y + SERVER_ROW - 5, "group", group, group))
            self.y += SERVER_ROW
        self.end_lane(name, top)

    def client(self, name):
        story, top = self.story, self.y
        for group in story.groups:
            for version in sorted({t.version for t in story.tracks if (t.client, t.group) == (name, group)}):
                block = self.y
                for track in [t for t in story.tracks
                              if (t.client, t.group, t.version) == (name, group, version)]:
                    self.rows.append(Row(self.y, self.client_row - self.client_row // 4, group, "%s %s, %s over NFSv%s" % (
                        name, track.process, group, version), self.bars(track.bars)))
                    self.y += self.client_row
                self.shade(group, block)
                middle = (block + self.y) / 2 + 3.5
                self.labels += [(58, middle, "group", group, group), (104, middle, "small", None, "v" + version)]
                self.y += BLOCK_GAP
        self.end_lane(name, top)

    def shade(self, group, top):
        """Grace and absence of the group's server behind its clients' locks."""
        story = self.story
        spans = [(b, e, "grace", "grace in " + group) for g, _, b, e in story.grace if g == group]
        spans += [(b, e, "away", "nobody serves " + group) for g, b, e in story.away if g == group]
        self.shades.append(Row(top - 2, self.y - top + 2, group, "", self.bars(spans)))

    def end_lane(self, name, top):
        down = [(b, e, "down", "%s has no power" % name) for n, b, e in self.story.down if n == name]
        if down:
            self.shades.append(Row(top - 1, self.y - top, None, name, self.bars(down)))
        self.labels.append((12, (top + self.y) / 2 + 5, "lane", None, name))
        self.lanes[name] = (top, self.y)
        self.y += LANE_GAP

    def chart(self, group):
        seconds = self.story.waits[group]
        points = sorted((second - self.story.began, ms) for second, ms in seconds.items()
                        if self.story.began - 1 < second <= self.story.ended)
        self.charts.append((self.y + 2, WAITS_ROW - 8, group, points))
        self.labels += [(12, self.y + 14, "group", group, group),
                        (12, self.y + 26, "small", None, "waits, log, to " + milliseconds(self.longest()))]
        self.y += WAITS_ROW

    def longest(self):
        """One scale for all groups: the longest wait, at least 100 ms."""
        return max([100.0] + [ms for seconds in self.story.waits.values() for ms in seconds.values()])

    # as data

    def data(self):
        """For the script: milliseconds since the story began; bars as [begin, length, kind, text, ...]."""
        texts = {}

        def rows(which):
            return [{"y": r.y, "h": r.height, "c": self.colour(r.group), "n": r.name,
                     "b": [number for b, e, kind, text in r.bars for number in (
                         round(b * 1000), round((e - b) * 1000), BAR_KINDS.index(kind),
                         texts.setdefault(text, len(texts)))]} for r in which]
        result = {"kinds": BAR_KINDS, "span": round(self.span * 1000), "labels": LABELS, "width": WIDTH,
                  "height": self.height, "top": self.top, "flags": self.flags, "crowd": CROWD, "lanesEnd": self.lanes_end,
                  "zero": round((self.story.zero - self.story.began) * 1000),
                  "began": round(self.story.began * 1000), "steps": STEPS_S, "shades": rows(self.shades),
                  "rows": rows(self.rows), "marks": self.marks(),
                  "charts": [{"y": y, "h": h, "c": self.colour(group), "top": self.longest(),
                              "p": [[round(t * 1000), round(ms, 1)] for t, ms in points]}
                             for y, h, group, points in self.charts]}
        result["texts"] = list(texts)
        return result

    def marks(self):
        found = []
        for moment, node, kind, text in sorted(self.story.marks, key=lambda m: m[0]):
            top, bottom = self.lanes.get(node, (self.top, self.lanes_end))
            found.append({"t": round((moment - self.story.began) * 1000), "k": kind, "s": text, "y": top,
                          "z": bottom, "n": node or ""})
        return [mark for mark in found if 0 <= mark["t"] <= self.span * 1000]

    # as SVG

    def x(self, seconds):
        return seconds / self.span * WIDTH

    def svg(self):
        parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" '
                 'aria-label="timeline">' % (LABELS + WIDTH, self.height)]
        for top, bottom in self.lanes.values():
            parts.append('<rect class="lane" x="0" y="%d" width="%d" height="%d"/>' % (
                top - 5, LABELS + WIDTH, bottom - top + 8))
        for x, y, kind, group, text in self.labels:
            fill = ' style="fill:%s"' % self.colour(group) if group else ""
            parts.append('<text class="%s" x="%d" y="%.1f"%s>%s</text>' % (kind, x, y, fill, html.escape(text)))
        parts.append('<g class="plot" transform="translate(%d 0)">' % LABELS)
        parts += self.axis()
        for row in self.shades + self.rows:
            parts += self.row_paths(row)
        parts += self.chart_paths()
        parts += self.mark_paths()
        parts.append("</g></svg>")
        return "\n".join(parts)

    def axis(self):
        step = next((s for s in STEPS_S if self.span / s <= WIDTH / 70), STEPS_S[-1])
        zero = self.story.zero - self.story.began
        at = -int(zero / step) * step
        while zero + at <= self.span:
            x = self.x(zero + at)
            yield '<path class="grid" d="M%.1f %dV%d"/>' % (x, self.top - 4, self.height)
            yield '<text class="tick" x="%.1f" y="%d">%s</text>' % (x, self.top - 8, tick(at))
            at += step

    def row_paths(self, row):
        """One path for each kind: what lies closer together than can be seen is drawn as one."""
        found = {}
        for begin, end, kind, _ in row.bars:
            x, right = self.x(begin), max(self.x(end), self.x(begin) + LEAST_PX)
            last = found.setdefault(kind, [])
            if last and x - last[-1][1] < LEAST_PX / 2:
                last[-1][1] = max(last[-1][1], right)
            else:
                last.append([x, right])
        for kind in sorted(found, key=lambda k: BAR_KINDS[::-1].index(k)):
            name = "%s g%d" % (kind, self.groups.index(row.group)) if row.group else kind
            yield '<path class="%s" d="%s"/>' % (name, "".join(
                "M%.1f %dh%.1fv%dh-%.1fz" % (x, row.y, right - x, row.height, right - x)
                for x, right in found[kind]))

    def chart_paths(self):
        top = self.longest()
        for y, height, group, points in self.charts:
            yield '<path class="base" d="M0 %dH%d"/>' % (y + height, WIDTH)
            yield '<path class="chart g%d" d="%s"/>' % (self.groups.index(group), "".join(
                "M%.1f %.1fV%.1fh%.1fV%.1fz" % (
                    self.x(t), y + height, y + height * (1 - math.log1p(ms) / math.log1p(top)) - 1, max(self.x(1) - 0.5, 0.5),
                    y + height) for t, ms in points))

    def mark_paths(self):
        ends = [-9.0] * FLAG_LINES      # of the names in each line of flags
        crowd = sum(mark[2] == "fault" for mark in self.story.marks) > CROWD
        for mark in self.marks():
            x = self.x(mark["t"] / 1000)
            title = "<title>%s</title>" % html.escape(mark["s"])
            if mark["k"] != "fault":
                yield '<path class="mark %s" d="M%.1f %dl4 -7h-8z">%s</path>' % (
                    html.escape(mark["k"]), x, mark["y"] + 2, title)
                continue
            begin, end = (self.top - 5, self.top) if crowd else (4, self.height)
            yield '<path class="fault" d="M%.1f %dV%d">%s</path>' % (x, begin, end, title)
            width = len(mark["s"]) * CHARACTER_PX
            left = x + 4 if x + width < WIDTH else x - width - 4
            line = next((i for i, end in enumerate(ends) if end < left), None)
            if line is not None:
                ends[line] = left + width + 6
                yield '<text class="flag" x="%.1f" y="%d">%s</text>' % (left, 12 + FLAG * line,
                                                                        html.escape(mark["s"]))


def milliseconds(ms):
    return "%.0f ms" % ms if ms < 1000 else "%.1f s" % (ms / 1000)


def tick(seconds):
    if abs(seconds) < 600:
        return "%+d s" % seconds if seconds else "0"
    return "%s%d:%02d" % ("-" if seconds < 0 else "+", abs(seconds) // 60, abs(seconds) % 60)


def patterns(groups):
    """For all pictures of a page: each group's colour, its hatching for waits, that for what is not there."""
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(groups))]
    hatches = [("wait%d" % i, colour, 3, 1.2) for i, colour in enumerate(colours)]
    found = ['<svg width="0" height="0" style="position:absolute"><defs>']
    for name, fill, size, stroke in hatches + [("nothing", "#9ca3af", 6, 1.4), ("nobody", "#f87171", 5, 1.1)]:
        found.append('<pattern id="%s" width="%d" height="%d" patternUnits="userSpaceOnUse" '
                     'patternTransform="rotate(45)"><path d="M0 0V%d" stroke="%s" stroke-width="%.1f"/></pattern>'
                     % (name, size, size, size, fill, stroke * 2))
    found.append("</defs><style>")
    for i, colour in enumerate(colours):
        found.append(".g%d{fill:%s}.wait.g%d{fill:url(#wait%d)}.lost.g%d{fill:#c53030}.grace.g%d{fill:#fbbf24}"
                     ".recovering.g%d{fill:#fcd34d}.away.g%d{fill:url(#nobody)}" % (i, colour, i, i, i, i, i, i))
    return "".join(found) + "</style></svg>"


def legend(groups):
    def sample(kind, style, text):
        return '<span><i class="%s" style="%s"></i>%s</span>' % (kind, style, html.escape(text))
    found = [sample("", "background:" + COLOURS[i % len(COLOURS)], group) for i, group in enumerate(groups)]
    found += [sample("", "background:#64748b", "lock held"), sample("hatch", "", "waiting for a lock"),
              sample("", "background:#fbbf24;opacity:.55", "grace"), sample("away", "", "group away"),
              sample("down", "", "no power"), sample("line", "", "fault"),
              sample("told", "", "told to reclaim"), sample("", "background:#c53030", "lock lost")]
    return "<div class=legend>%s</div>" % "".join(found)
