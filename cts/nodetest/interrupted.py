# SPDX-License-Identifier: GPL-2.0-or-later
"""Every action is killed at many points, then run again: it succeeds, and no lock is lost."""
from .world import OCF_NOT_RUNNING, OCF_SUCCESS, Failure

POINTS, THOROUGH_POINTS = 2, 24         # of each action, each way of killing
BACK_WITHIN_S = 12
KILLED = (-9, 137)
NOT_KILLED = (0, 124)                   # it ended before, or just then
STEPS = (("device", "start"), ("nfsserver", "start"), ("lockrecover", "start"),
         ("lockrecover", "stop"), ("nfsserver", "stop"), ("device", "stop"))


class Cycle:
    """The life of a group on a node: from free device to free device."""

    def __init__(self, world, holders, kills=None, wait_for_locks=True):
        self.world, self.holders, self.kills = world, holders, kills or {}
        self.wait_for_locks, self.back_s = wait_for_locks, 0.0
        self.seconds, self.hits = {}, 0

    def act(self, name, action):
        """The action, after one that was killed where one is to be."""
        world, step = self.world, (name, action)
        if step in self.kills:
            outcome = world.agent(name, action, world.home, killed_after=self.kills[step])
            self.hits += outcome.rc in KILLED
            world.that(outcome.rc in KILLED + NOT_KILLED, "%s: exit code %s: %s", step, outcome.rc,
                       outcome.out)
        self.seconds[step] = world.expect(world.agent(name, action, world.home), OCF_SUCCESS).seconds

    def monitor(self, name, rc):
        self.world.expect(self.world.agent(name, "monitor", self.world.home), rc)

    def run(self):
        world, home = self.world, self.world.home
        self.act("device", "start")
        self.monitor("device", OCF_SUCCESS)
        world.mount(home)
        self.act("nfsserver", "start")
        world.running.add(home.name)
        self.monitor("nfsserver", OCF_SUCCESS)
        world.add_address(home)
        self.act("lockrecover", "start")
        world.healthy(home)
        if self.holders is None:
            self.holders = [world.hold(home, version) for version in ("3", "4.2")]
        if self.wait_for_locks:
            began = world.now()
            world.has_locks(home, self.holders, BACK_WITHIN_S)
            self.back_s = world.now() - began
        self.act("lockrecover", "stop")
        self.monitor("lockrecover", OCF_NOT_RUNNING)
        world.that(not world.locks(home), "locks outlive close: %s", world.locks(home))
        world.remove_address(home)
        self.act("nfsserver", "stop")
        self.monitor("nfsserver", OCF_NOT_RUNNING)
        world.running.discard(home.name)
        world.nothing_left(home)
        self.act("device", "stop")
        self.monitor("device", OCF_NOT_RUNNING)


def kill_everywhere(world, whole):
    world.new_disk(world.home)
    world.shell("modprobe nfsd")
    first = Cycle(world, None)
    first.run()
    usual = Cycle(world, first.holders, wait_for_locks=False)
    usual.run()
    for step in STEPS:                  # a stop waits for clients that are connected
        usual.seconds[step] = min(usual.seconds[step], first.seconds[step])
    points = THOROUGH_POINTS if world.thorough else POINTS
    hits, slowest = 0, 0.0
    for i in range(points):
        # Each action another point in each cycle, so that they meet in many combinations.
        kills = {step: (usual.seconds[step] * ((i * 5 + 2 * n) % points + (0.25 if whole else 0.75)) / points,
                        whole) for n, step in enumerate(STEPS)}
        # Every other one ends before the client has reclaimed all.
        cycle = Cycle(world, usual.holders, kills, wait_for_locks=i % 2 == 1)
        try:
            cycle.run()
        except Failure as failure:
            raise Failure("%s\nkilled: %s" % (failure, ", ".join(
                "%s %s after %.3f of %.3f s" % (*step, kills[step][0], usual.seconds[step])
                for step in STEPS)))
        hits, slowest = hits + cycle.hits, max(slowest, cycle.back_s)
    world.that(hits >= points * len(STEPS) // 2, "only %d of %d kills hit", hits, points * len(STEPS))
    world.say("%d of %d kills hit, locks back within %.1f s", hits, points * len(STEPS), slowest)
    world.serve(world.home)
    world.has_locks(world.home, usual.holders, BACK_WITHIN_S)
    for version in ("3", "4.2"):
        world.denied_to_others(world.home, version)


def the_action_alone(world):
    """start, open, close and stop are killed; commands that they ran go on"""
    kill_everywhere(world, False)


def with_its_commands(world):
    """they are killed with all their commands, as Pacemaker kills them"""
    kill_everywhere(world, True)


TESTS = (the_action_alone, with_its_commands)
