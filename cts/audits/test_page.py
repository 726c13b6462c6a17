# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages: everything is on them, nothing on them can break them, and thousands of locks stay small."""
import html.parser
import json
import unittest
from collections import namedtuple

from audits import page, page_svg, storytelling
from audits.judge import judge
from audits.page import Story, Track
from audits.test_judge import CUT, GRACE, GRACE_END, good
from audits.test_lockjudge import cycle, holder, line, log, probes, waiter

Operation = namedtuple("Operation", "node resource action begin end rc")
EVIL = "</script><script>alert('&\"<b>"


class Reader(html.parser.HTMLParser):
    """Counts elements and keeps the data of the script's elements."""
    VOID = {"meta", "rect", "path", "br"}

    def __init__(self, text):
        super().__init__()
        self.count, self.open, self.data, self.scripts = {}, [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self.open and self.open[-1][0] == "script" and self.open[-1][1].get("type"):
            self.data.append(json.loads(data))


def story(**more):
    return Story(**dict({"title": "t", "began": 0, "ended": 100, "zero": 50, "servers": ["s1", "s2"],
                         "clients": ["c1"], "groups": ["home", "mail"]}, **more))


class Pages(unittest.TestCase):
    def test_needs_no_network_and_reads_without_scripts(self):
        text = page.render([story(marks=[(50, "s1", "fault", "power cut")])])
        for word in ("http://www.w3.org/2000/svg",):
            text = text.replace(word, "")
        self.assertNotIn("http", text)
        without = text[:text.index('<script type="application/json">')]
        for word in ("<svg", "power cut", "s1", "home"):
            self.assertIn(word, without)

    def test_hostile_texts(self):
        """A token somebody wrote into a file comes as far as the page, and no further."""
        made = story(title=EVIL, notes=[EVIL], facts=[(EVIL, EVIL)], problems=[EVIL], servers=["s1", EVIL],
                     groups=["home", EVIL], marks=[(50, EVIL, "fault", EVIL), (60, None, "told", EVIL)],
                     tracks=[Track("c1", "home", "3", EVIL, [(1, 2, "held", EVIL)])])
        read, plain = Reader(page.render([made])), Reader(page.render([story()]))
        for tag in ("script", "b"):
            self.assertLessEqual(read.count.get(tag, 0), plain.count.get(tag, 0) + (tag == "b"))
        self.assertEqual(read.data[0]["texts"], [EVIL])

    def test_several_stories(self):
        read = Reader(page.render([story(), story(problems=["x"])]))
        self.assertEqual(read.count["section"], 2)
        self.assertEqual(len(read.data), 2)

    def test_thousands_of_locks(self):
        """An hour: what cannot be told apart is drawn as one, what is drawn is not lost."""
        tracks = [Track("c1", "home", "3", "m%d" % i, [(t, t + 0.6, "held", "mix.00 bytes 0-4095")
                                                       for t in range(3600)]) for i in range(30)]
        text = page.render([story(ended=3600, tracks=tracks)])
        self.assertLess(len(text), 6000000)
        self.assertEqual(len(Reader(text).data[0]["rows"][4]["b"]), 4 * 3600)
        picture = page_svg.Picture(story(ended=3600, tracks=tracks), ["home", "mail"]).svg()
        self.assertLess(len(picture), 1500000)

    def test_bars_outside_are_clipped(self):
        made = story(tracks=[Track("c1", "home", "3", "m0", [(-5, 5, "held", ""), (200, 201, "held", ""),
                                                            (90, 300, "wait", "")])])
        rows = page_svg.Picture(made, made.groups).data()["rows"]
        self.assertEqual(rows[-1]["b"], [0, 5000, 0, 0, 90000, 10000, 1, 0])


class Takeovers(unittest.TestCase):
    def test_of_a_takeover(self):
        evidence = good()
        evidence.operations.append(Operation("s2", "mail-lock", "start", 20, 21, 0))
        evidence.operations.insert(0, Operation("s1", "home-lock", "start", 10, 11, 0))
        report, problems = judge(evidence)
        made = storytelling.of_takeover(evidence, report, problems)
        self.assertEqual(made.serving, [("home", "s1", 11, CUT), ("home", "s2", 110, None), ("mail", "s2", 21, None)])
        self.assertEqual(made.away, [("home", CUT, 110)])
        self.assertEqual(made.grace, [("home", "s2", GRACE, GRACE_END)])
        self.assertEqual(made.down, [("s1", CUT, None)])
        self.assertEqual({kind for _, _, kind, _ in made.marks}, {"fault", "takeover", "step", "told", "reclaim"})
        self.assertIn("POWER CUT: s1 is dead", page.render([made]))
        self.assertGreater(made.waits["home"][110], 20000)

    def test_planned_move(self):
        evidence = good()
        evidence.planned = True
        self.assertEqual(storytelling.of_takeover(evidence, {}, []).down, [])

    def test_stop_ends_serving(self):
        operations = [Operation("s1", "home-lock", "start", 1, 2, 0), Operation("s1", "home-lock", "stop", 5, 6, 0),
                      Operation("s2", "home-lock", "start", 8, 9, 1), Operation("s2", "home-lock", "start", 10, 11, 0)]
        self.assertEqual(storytelling.served(operations, [], ["home"]),
                         ([("home", "s1", 2, 5), ("home", "s2", 11, None)], [("home", 5, 11)]))

    def test_group_that_never_came_back(self):
        operations = [Operation("s1", "home-lock", "start", 1, 2, 0)]
        self.assertEqual(storytelling.served(operations, [("s1", 7, None)], ["home"])[1], [("home", 7, None)])


class Mixed(unittest.TestCase):
    def test_every_kind_of_bar(self):
        lanes = storytelling.Lanes()
        lost = line(200, "granted", "m1") + line(210, "verified", "m1") + line(220, "mismatch", "m1", found="x")
        lanes.add([log(holder(until=150) + cycle(160, 170) + lost), log(waiter(120, 151), "c2"),
                   log(probes(3, 2500, at=300), "c3", "mail")], over=True)
        bars = {t.process: [bar[:3] for bar in t.bars] for t in lanes.tracks}
        self.assertEqual(bars["h0"], [(110, 150, "held")])
        self.assertEqual(bars["w0"], [(151, 151, "held"), (120, 151, "wait")])
        self.assertEqual(bars["m1"], [(200, 210, "held"), (210, 220, "lost")])
        self.assertEqual([mark[:3] for mark in lanes.losses], [(220, "c1", "lost")])
        self.assertEqual(lanes.waits["mail"], {298: 2500, 299: 2500, 300: 2500, 301: 2500})

    def test_of_a_run(self):
        lanes = storytelling.Lanes()
        lanes.add([log(holder(until=150) + cycle(160, 170))], over=True)
        operations = [Operation("s1", "home-lock", "start", 90, 91, 0), Operation("s2", "home-lock", "start", 205, 206, 0),
                      Operation("s1", "mail-fs", "monitor", 230, 231, 7)]
        answers = [{"t": t, "status": "grace" if 206 <= t < 216 else "granted"} for t in range(195, 240)]
        made = storytelling.of_run("r", lanes, 100, 300, operations, {"home": answers}, [(200, "s1")],
                                   [(200, "s1", "1: power-cut")], servers=["s1", "s2"], clients=["c1"])
        self.assertEqual(made.serving, [("home", "s1", 91, 200), ("home", "s2", 206, None)])
        self.assertEqual(made.away, [("home", 200, 206)])
        self.assertEqual(made.down, [("s1", 200, 230)])
        self.assertEqual(made.grace, [("home", "s2", 206, 216)])
        self.assertEqual([mark[2] for mark in made.marks], ["fault", "takeover"])
        self.assertIn("1: power-cut", page.render([made]))

    def test_collected_piece_by_piece(self):
        """Nothing is drawn twice, and what goes on is drawn at the end."""
        lanes, one = storytelling.Lanes(), log(holder() + cycle(160, 170))
        for _ in range(2):
            lanes.add([one])
        self.assertEqual(len(lanes.tracks), 1)
        one.holds = [h for h in one.holds if not h.ended]
        one.feed(cycle(300, 310))
        lanes.add([one], over=True)
        self.assertEqual(sorted(len(t.bars) for t in lanes.tracks), [1, 2])


if __name__ == "__main__":
    unittest.main()
