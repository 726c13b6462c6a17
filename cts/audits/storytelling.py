# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a page's Story of what was recorded: of one takeover's evidence, or of the mixed workload under faults."""
from . import lockjudge, timeline
from .page import Story, Track

LAST_STEP = "lock"          # GROUP-lock is what serves: nothing is answered before it has started
NOTABLE_MS = 5              # shorter waits for an answer are not drawn


# parts, for any run

def served(operations, downs, groups):
    """(serving, away) of a Story, from resource actions (lab.pcmklog) and power cuts [(node, begin, end)]."""
    serving, away = [], []
    for group in groups:
        spans = []
        for op in operations:
            if op.resource != "%s-%s" % (group, LAST_STEP):
                continue
            last = spans[-1] if spans else None
            if op.action == "start" and op.rc == 0:
                if last and last[2] is None:
                    last[2] = op.begin
                spans.append([op.node, op.end, None])
            elif op.action == "stop" and last and last[0] == op.node and last[2] is None:
                last[2] = op.begin
        for span in spans:
            cuts = [begin for node, begin, _ in downs
                    if node == span[0] and begin > span[1] and (span[2] is None or begin < span[2])]
            span[2] = min(cuts, default=span[2])
        serving += [(group, *span) for span in spans]
        ends = [(span[2], later[1]) for span, later in zip(spans, spans[1:] + [[None, None, None]])]
        away += [(group, begin, end) for begin, end in ends if begin is not None]
    return serving, away


def grace_spans(answers, group, serving):
    """Grace of a group as its probe heard it: (group, server, begin, end)."""
    spans, begin = [], None
    for answer in answers:
        if answer["status"] == "grace":
            begin = answer["t"] if begin is None else begin
        elif begin is not None:
            spans.append((begin, answer["t"]))
            begin = None
    if begin is not None:
        spans.append((begin, None))
    return [(group, server_at(serving, group, b), b, e) for b, e in spans]


def server_at(serving, group, moment):
    """Who has the group then, or gets it next: grace begins inside the last start action."""
    places = [(begin, node) for g, node, begin, end in serving
              if g == group and (end is None or end > moment)]
    return min(places)[1] if places else None


class Lanes:
    """What the mixed workload did, for a Story's tracks, waits and marks; collected while it runs."""

    def __init__(self):
        self.found, self.waits, self.losses, self.probed = {}, {}, [], {}

    @property
    def tracks(self):
        return [self.found[key] for key in sorted(self.found)]

    def add(self, logs, over=False):
        """What has ended since the last time, so that logs may forget it; over: what has not, too."""
        for log in logs:
            for item in log.holds + log.waits:
                if not item.drawn and (over or item.ended):
                    item.drawn = True
                    self.add_item(log, item)
            probes = [p for p in log.probes if p.t > self.probed.get(id(log), 0)]
            if probes:
                self.probed[id(log)] = probes[-1].t
                lockjudge.add_seconds(self.waits.setdefault(log.group, {}), [(p.ms, p.t) for p in probes])

    def add_item(self, log, item):
        key = log.node, log.group, log.version, item.owner.rpartition(" ")[2]
        self.found.setdefault(key, Track(*key)).bars += bars_of(item)
        if isinstance(item, lockjudge.Hold) and item.lost:
            self.losses.append((item.lost[0], log.node, "lost", "%s: %s, %s" % (item, *item.lost[1:])))


def bars_of(item):
    where = "%s bytes %d-%d" % (item.file[1], item.start, item.end)
    if isinstance(item, lockjudge.Wait):
        return [(item.t0, item.log.last if item.t1 is None else item.t1, "wait", "waits for " + where)]
    bars = [(item.t0, item.t1, "held", where)]
    if item.lost:
        end = item.log.last if item.release is None else item.release
        bars.append((item.t1, end, "lost", "%s: %s, %s" % (where, item.lost[1], item.lost[2])))
    return bars


def powerless(cuts, operations):
    """(node, begin, end) of Story.down from power cuts [(time, node)]: until the node does something again."""
    return [(node, moment, min((op.begin for op in operations if op.node == node and op.begin > moment), default=None))
            for moment, node in cuts]


# a run of many faults

def of_run(title, lanes, began, ended, operations, answers, cuts, faults, **more):
    """A Story of the mixed workload under many faults.

    lanes       Lanes that have been given all logs
    operations  all resource actions of the run, of all nodes
    answers     {group: all answers of its grace probe}; the groups in the order of their colours
    cuts        [(time, node)]: power cuts, whoever did them
    faults      [(time, node or None, text)]
    more        servers, clients, facts, problems, notes: see page.Story
    """
    groups, down = list(answers), powerless(cuts, operations)
    serving, away = served(operations, down, groups)
    marks = [(moment, node, "fault", text) for moment, node, text in faults] + lanes.losses
    marks += [(op.begin, op.node, "takeover", "%s starts %s" % (op.node, op.resource)) for op in operations
              if op.action == "start" and op.rc == 0 and began <= op.begin <= ended and
              op.resource in ["%s-%s" % (group, LAST_STEP) for group in groups]]
    return Story(title=title, began=began, ended=ended, zero=faults[0][0] if faults else began, groups=groups,
                 tracks=lanes.tracks, waits=lanes.waits, serving=serving, away=away, down=down, marks=marks,
                 grace=[span for g in groups for span in grace_spans(answers[g], g, serving)], **more)


# one takeover

def of_takeover(evidence, report, problems):
    names = clients(evidence)
    groups = [g.name for g in [evidence.group] + evidence.others]
    downs = [] if evidence.planned else [(evidence.old_node, evidence.cut, None)]
    serving, away = served(evidence.operations, downs, groups)
    grace = [span for name in groups for span in grace_spans(evidence.probes.get(name, []), name, serving)]
    servers = {evidence.old_node, evidence.new_node} | {op.node for op in evidence.operations}
    story = Story(
        title="%s: group %s, %s to %s" % (evidence.name, evidence.group.name, evidence.old_node,
                                          evidence.new_node),
        began=evidence.began - 2, ended=evidence.ended, zero=evidence.cut, servers=sorted(servers),
        clients=sorted(set(names.values())), groups=groups, serving=serving, away=away, grace=grace, down=downs,
        waits=waits(evidence, groups), facts=facts(report), problems=problems,
        tracks=sorted((track(h, evidence.ended) for h in evidence.histories),
                      key=lambda t: (t.client, t.version, t.process)))
    story.notes = [named(line.strip(), names) for line in timeline.who_held_what(evidence)]
    story.marks = [(t, place(t, text, evidence, names), kind(t, text, evidence), text)
                   for t, text in readable(evidence, names)]
    return story


def clients(evidence):
    """{address: name} of those that left a history."""
    return {h.node: h.owner.split()[0] for h in evidence.histories}


def readable(evidence, names):
    """The timeline's sentences, with names for addresses."""
    for moment, text in timeline.happened(evidence):
        yield moment, named(text, names)


def named(text, names):
    return " ".join(names.get(word, word) for word in text.split(" "))


def place(moment, text, evidence, names):
    """The lane a sentence belongs to: it begins with the node's name, or is about a server."""
    first = text.split()[0]
    return first if first in names.values() else evidence.new_node if moment > evidence.cut else evidence.old_node


def kind(moment, text, evidence):
    if moment == evidence.cut:
        return "fault"
    for words, what in (("is told to reclaim", "told"), ("lock back", "reclaim"), ("reclaims done", "reclaim"),
                        (" starts ", "step")):
        if words in text:
            return what
    return "takeover"


def track(history, ended):
    bars = [(i.t0, i.t1, "held", "bytes %d-%d" % (i.start, i.end)) for i in history.intervals(ended)]
    for event in history.events:
        begin = event["t"] - event["wait_ms"] / 1000
        where = "bytes %d-%d" % (event["start"], event["start"] + event["len"] - 1)
        if event["wait_ms"] > NOTABLE_MS and event["kind"] != "verified":
            bars.append((begin, event["t"], "wait", "asks for %s, %s" % (where, event["kind"])))
        elif event["kind"] == "overwritten":
            bars.append((begin, event["t"], "lost", where + " overwritten"))
    return Track(history.owner.split()[0], history.group, history.version, history.mode, bars)


def waits(evidence, groups):
    found = {}
    for history in evidence.histories:
        if history.mode != "churn" or history.group not in groups:
            continue
        lockjudge.add_seconds(found.setdefault(history.group, {}), history.waits(evidence.began, evidence.ended))
    return found


def facts(report):
    def seconds(key):
        return None if report.get(key) is None else "%.1f s" % (report[key] / 1000)

    def plain(key):
        return report.get(key)

    def milliseconds(key):
        return None if report.get(key) is None else "%.0f ms" % report[key]
    wanted = (("outage_ms", "until the first lock was back", seconds),
              ("takeover_ms", "of it on the new server", seconds), ("grace_ms", "grace", seconds),
              ("locks_held_before", "locks held", plain), ("locks_reclaimed", "locks reclaimed", plain),
              ("locks_lost", "lost", plain), ("granted_twice", "granted twice", plain),
              ("other_group_max_wait_ms", "longest wait in another group", milliseconds),
              ("other_group_baseline_max_wait_ms", "before the fault", milliseconds))
    return [(name, how(key)) for key, name, how in wanted]
