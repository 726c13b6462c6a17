# SPDX-License-Identifier: GPL-2.0-or-later
"""NFSv3 and all NFSv4 versions in one group: reclaimed, or no grace at all."""
VERSIONS = ("3", "4.0", "4.1", "4.2")
AT_ONCE_S = 3                           # with the look-up of the lock manager's port


def all_versions_reclaim(world):
    """locks over NFSv3, 4.0, 4.1 and 4.2 come back after stop and start"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    holders = [world.hold(home, version) for version in VERSIONS]
    world.has_locks(home, holders)
    state = world.status(home)["state"]
    world.stop(home)
    world.that(not world.locks(home), "locks outlive stop: %s", world.locks(home))
    world.serve(home)
    begin = world.now()
    world.that(world.status(home)["phase"] == "recovering", "no grace: %s", world.status(home)["text"])
    world.that(world.status(home)["state"] == state + 2, "the NSM state is not new")
    newcomer = world.lock_client()
    answer = world.new_lock(home, newcomer)
    world.that(answer.status == "grace", "a new lock in grace: %s", answer.status)
    world.has_locks(home, holders, 12)
    world.say("all back after %.1f s", world.now() - begin)
    for version in VERSIONS:
        world.denied_to_others(home, version)
    world.until(lambda: world.new_lock(home, newcomer).status == "granted", 15, "grace is over")
    world.say("grace took %.1f s", world.now() - begin)
    world.has_locks(home, holders)
    world.until(lambda: world.status(home)["phase"] == "serving", 5, "serving")


def no_grace_when_empty(world):
    """nobody has a lock: the first new one is granted at once"""
    home = world.home
    world.new_disk(home)
    for _ in ("made", "made before"):
        world.serve(home)
        world.that(world.status(home)["phase"] == "serving", world.status(home)["text"])
        world.stop(home)
    world.serve(home)
    answer = world.granted(home, within_s=AT_ONCE_S)
    world.say("NFSv3 %.2f s", answer.wait_s)
    begin = world.now()
    world.hold(home, "4.2")
    world.say("NFSv4.2 with its mount %.2f s", world.now() - begin)
    world.that(world.now() - begin < 5, "a new NFSv4 lock took %.1f s", world.now() - begin)


TESTS = (all_versions_reclaim, no_grace_when_empty)
