# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults at random (--runs, --seed, --minutes), one after the other on a lab that is kept up, each judged."""
import concurrent.futures
import json
import os
import shutil
import statistics
import time
import traceback

import faults
from audits import aftermath, judge, lockjudge, storytelling
from audits.trace import Trace

from . import bench as bench_module
from .faultload import Load
from .standing import Standing, Unsound

GROUPS = ("home", "mail", "build")
# A dead supervisor is to be noticed soon; the stock agents stay at a minute, for they cost a node more.
INTERVALS = {"nfs": "10s", "lock": "10s"}
GRACE_S = 12                            # more than the clients need, and waited for after two faults of three
BASELINE_S = 12
GRACE_OVER_S = 60
STOCK_SUFFIX = "fs"
COUNTS = ("locks_lost", "granted_twice", "notified_outside_grace", "notified_outside_group")


class RandomBench(bench_module.Bench):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        for group in self.groups.values():
            group.intervals, group.grace_s = INTERVALS, GRACE_S


BENCH = RandomBench


def report(bench, chosen):
    """One entry of the report."""
    return Run(bench, chosen).go()


class Run:
    def __init__(self, bench, chosen):
        self.bench, self.chosen, self.groups = bench, chosen, bench.groups
        self.lab = Standing(bench)
        self.load = Load(bench, list(bench.groups.values()), chosen.seed)
        self.faults = faults.draw(chosen.seed, bench.groups)
        self.records, self.problems, self.baseline, self.fault = [], [], {}, "the start"
        self.nodes, self.outages = {}, {}
        self.clients = {n.ip: n.name for n in bench.lab.clients}
        self.lanes, self.answers, self.marks = storytelling.Lanes(), {name: [] for name in bench.groups}, []

    # from first to last

    def go(self):
        lockjudge.WAIT_TOLERANCE_MS = max(lockjudge.WAIT_TOLERANCE_MS, judge.WAIT_TOLERANCE_MS)
        self.bench.say("random: seed %d, %d faults" % (self.chosen.seed, self.chosen.runs))
        began, self.began = time.monotonic(), time.time()
        try:
            self.start()
            for number in range(1, self.chosen.runs + 1):
                if self.chosen.minutes and time.monotonic() - began > self.chosen.minutes * 60:
                    break
                self.records.append(self.survive(number, next(self.faults)))
        except Unsound as error:
            self.problems.append("after %s the cluster could not be made sound: %s" % (self.fault, error))
        finally:
            self.load.kill()
        return self.report(time.monotonic() - began)

    def start(self):
        self.load.start()
        self.load.wait_settled(120)
        self.lab.begin(self.load)
        if not self.lab.look():
            raise Unsound(self.bench.cluster.status())
        self.nodes = self.look_at_nodes()
        begin = time.time()
        time.sleep(BASELINE_S)
        logs = self.load.logs()
        self.baseline = {name: lockjudge.longest_wait(logs, name, begin, time.time()) for name in self.groups}
        self.bench.say("random: baseline: " + ", ".join("%s %.0f ms" % item for item in self.baseline.items()))

    # one fault

    def survive(self, number, fault):
        """A fault that the run itself stumbles over has failed, and the run goes on."""
        try:
            return self.one(number, fault)
        except Unsound:
            raise
        except Exception as error:
            traceback.print_exc()
            self.lab.make_sound()
            record = dict.fromkeys(("other_group_max_wait_ms", "other_group_max_delay_ms", "node", "seconds"))
            record.update(dict.fromkeys(COUNTS, 0), n=number, name=fault.name, parameters=fault.parameters,
                          groups=[], passed=False, audits={}, audits_failed=[], stalls=fault.stalls,
                          problems=["%s: %s" % (type(error).__name__, error)], agents_ms={}, takeover_ms={},
                          outage_ms={})
            self.bench.say("%d %s: FAILED: %s" % (number, fault, error))
            return record

    def one(self, number, fault):
        times, self.fault = [time.monotonic()], fault
        self.lab.mark()
        self.lanes.add(self.load.logs())
        self.load.forget()
        capture = self.bench.lab.capture("fault.pcap", bench_module.CAPTURED)
        after = aftermath.Aftermath(
            fault, self.groups, time.time(), baseline=self.baseline, clients=self.clients,
            servers={n.name for n in self.bench.lab.servers}, lists=self.lists(),
            answers=self.lab.answers, earlier=self.outages)
        trouble = []
        try:
            for step in (lambda: fault.inject(self.lab), lambda: fault.heal(self.lab)):
                try:
                    step()
                except Exception as error:
                    trouble.append("%s: %s" % (type(error).__name__, error))
            times.append(time.monotonic())
            self.lab.make_sound()
            times.append(time.monotonic())
            try:
                self.lab.wait_no_grace(time.time(), GRACE_OVER_S)
            except TimeoutError as error:
                trouble.append(str(error))
            after.silent = self.load.wait_served(time.time())
            times.append(time.monotonic())
        finally:
            capture.stop()
            after.ended = time.time()
        record = self.judge(number, fault, after, trouble + self.lab.remedies, capture.path)
        if "locks" in record["audits_failed"]:
            self.load.restart()         # who lost a lock without noticing would be reported for ever
        self.lab.clean_up()
        times.append(time.monotonic())
        self.remember(number, after)
        record["seconds"] = round(times[-1] - times[0], 1)
        record["phases_s"] = dict(zip(("fault", "sound", "served", "audits"),
                                      (round(b - a, 1) for a, b in zip(times, times[1:]))))
        self.tell(record)
        return record

    def remember(self, number, after):
        """What the page draws; of the probes' answers, those in grace and the first after it."""
        self.marks.append((after.began, after.fault.node, "%d: %s" % (number, after.fault)))
        for name, answers in after.answers.items():
            kept = self.answers[name]
            for answer in answers:
                if answer["status"] == "grace" or not kept or kept[-1]["status"] == "grace":
                    kept.append(answer)

    def story(self, totals, problems):
        lab = self.bench.lab
        self.lanes.add(self.load.logs(), over=True)
        cuts = [(moment, text.partition(":")[0]) for moment, text in lab.events if text.endswith(": power cut")]
        return storytelling.of_run(
            "random, seed %d" % self.chosen.seed, self.lanes, self.began, time.time(),
            self.bench.cluster.operations(), self.answers, cuts, self.marks,
            servers=[n.name for n in lab.servers], clients=[n.name for n in lab.clients],
            facts=list(totals.items()), problems=problems)

    def lists(self):
        return {name: {tuple(row) for row in here["list"]} for facts in self.nodes.values()
                for name, here in facts["groups"].items() if here["served"]}

    def look_at_nodes(self):
        words = ["%s:%s:%s" % (g.name, g.device, g.directory) for g in self.groups.values()]
        argv = ["python3", "-IS", "/host" + bench_module.NODEFACTS, "--all"] + words
        nodes = [n for n in self.bench.lab.servers if n.alive]
        with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
            answers = pool.map(lambda node: json.loads(node.run(argv).out), nodes)
        return {node.name: answer for node, answer in zip(nodes, answers)}

    # judging

    def judge(self, number, fault, after, trouble, pcap):
        lab = self.lab
        self.nodes = after.nodes = self.look_at_nodes()
        # What the tables show is compared with histories that reach beyond it.
        after.silent += self.load.wait_served(time.time())
        after.ended = time.time()
        lab.hear()
        after.operations, after.fenced = lab.operations(), lab.fenced()
        after.places, after.online, after.failed, after.still = lab.places, lab.online, lab.failed, lab.still()
        after.trace, after.logs = Trace(pcap), self.load.logs()
        after.cluster_lines = {name: tail.lines() for name, tail in lab.logs.items()}
        after.kernel_lines = {name: tail.lines() for name, tail in lab.consoles.items()}
        numbers, lines = aftermath.audit(after)
        self.outages = after.outages
        failed = [name for name, (passed, _) in lines.items() if not passed]
        record = {"n": number, "name": fault.name, "parameters": fault.parameters, "node": fault.node,
                  "groups": sorted(after.restarted), "passed": not failed and not trouble,
                  "problems": trouble, "audits": {name: line for name, (_, line) in lines.items()},
                  "audits_failed": failed, "stalls": fault.stalls, **numbers, **self.measure(after)}
        if not record["passed"]:
            self.keep(record, after, pcap)
        os.unlink(pcap)
        return record

    def measure(self, after):
        """Times of the last start of each group, in ms."""
        outage, takeover, agents = {}, {}, {}
        for name, group in self.groups.items():
            last = after.starts(name)[-1:]
            if not last:
                continue
            mine = [op for op in after.operations if op.node == last[0].node and op.action == "start" and
                    op.resource.startswith(name + "-") and op.end and op.begin <= last[0].begin]
            mine = {op.resource.rpartition("-")[2]: op for op in mine}      # of each the last
            begin = min(op.begin for op in mine.values())
            reclaims = after.trace.reclaims(group.addresses, begin, after.ended)
            agents[name] = {part: round((op.end - op.begin) * 1000) for part, op in mine.items()}
            if reclaims:
                takeover[name] = round((reclaims[0].t - begin) * 1000)
                outage[name] = round((reclaims[0].t - after.began) * 1000)
        return {"takeover_ms": takeover, "outage_ms": outage, "agents_ms": agents}

    def keep(self, record, after, pcap):
        """What is needed to understand a failure; the run goes on."""
        target = os.path.join(self.bench.failures, "random-%d" % record["n"])
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        shutil.copy(pcap, target)
        with open(os.path.join(target, "facts.json"), "w") as f:
            json.dump({"record": record, "nodes": after.nodes, "answers": after.answers, "began": after.began,
                       "ended": after.ended, "operations": after.operations,
                       "events": self.bench.lab.events[self.lab.fences:]}, f, indent=1)
        for kind, lines in (("pacemaker", after.cluster_lines), ("console", after.kernel_lines)):
            for node, told in lines.items():
                with open(os.path.join(target, "%s.%s" % (node, kind)), "w") as f:
                    f.write("\n".join(told) + "\n")

    def tell(self, record):
        words = "".join(" %s=%s" % item for item in record["parameters"].items())
        back = ", ".join("%s back after %.1f s" % (name, ms / 1000) for name, ms in record["outage_ms"].items())
        phases = " + ".join("%.0f" % seconds for seconds in record["phases_s"].values())
        waited = record["other_group_max_wait_ms"]
        self.bench.say("%d %s%s (%s): %s, %.0f s = %s%s%s" % (
            record["n"], record["name"], words, record["node"] or "cluster",
            "passed" if record["passed"] else "FAILED", record["seconds"], phases, back and "; " + back,
            "" if waited is None else "; others waited %.0f ms" % waited))
        for problem in record["problems"]:
            print("    fault: " + problem, flush=True)
        for name in record["audits_failed"]:
            print("    %s: %s" % (name, record["audits"][name]), flush=True)

    # the report

    def report(self, seconds):
        records = self.records
        totals = {"faults": len(records)}
        totals.update((key, sum(r[key] for r in records)) for key in COUNTS)
        totals.update(
            other_group_max_wait_ms=longest(records, "wait"),
            other_group_max_delay_ms=longest(records, "delay"),
            other_group_baseline_max_wait_ms=max(self.baseline.values(), default=None),
            other_group_max_wait_stalled_ms=longest(records, "wait", stalls=True),
            takeover_ms_median=median(ms for r in records for ms in r["takeover_ms"].values()),
            outage_ms_median=median(ms for r in records if r["name"] == "power-cut"
                                    for ms in r["outage_ms"].values()),
            agents_ms_median=median(sum(ms for part, ms in parts.items() if part != STOCK_SUFFIX)
                                    for r in records for parts in r["agents_ms"].values()),
            seconds_per_fault=round(seconds / len(records), 1) if records else None,
            audits_failed=sum(len(r["audits_failed"]) for r in records))
        for part in ("device", "fs", "nfs", "ip", "lock"):
            totals["start_%s_ms_median" % part] = median(
                ms[part] for r in records for ms in r["agents_ms"].values() if part in ms)
        for key, value in totals.items():
            print("%-34s %s" % (key, value))
        problems = self.problems + ["fault %d: %s" % (r["n"], text) for r in records if not r["passed"]
                                    for text in r["problems"] + [r["audits"][a] for a in r["audits_failed"]]]
        return {"name": "random", "passed": not problems, "problems": problems, "seed": self.chosen.seed,
                "tests": {"passed": sum(r["passed"] for r in records),
                          "failed": sum(not r["passed"] for r in records) + len(self.problems)},
                "totals": totals, "faults": records, "stories": [self.story(totals, problems)]}


def longest(records, what, stalls=False):
    """In groups that should notice nothing, after faults that stall them, or after all others."""
    found = [r["other_group_max_%s_ms" % what] for r in records if r["stalls"] == stalls]
    return max((ms for ms in found if ms is not None), default=None)


def median(values):
    values = list(values)
    return round(statistics.median(values)) if values else None
