# SPDX-License-Identifier: GPL-2.0-or-later
"""Locks that an administrator takes away: of a dead client, of one that lives after all; grace ended by hand."""

VERSIONS = ("3", "4.0", "4.2")
START = 1 << 20                         # where the client node locks
BACK_WITHIN_S = 12
AT_ONCE_S = 2                           # with the look-up of the lock manager's port


def release(world, address):
    return world.server.run(["group-lockrecover", "release", "--yes", world.home.name, address]).out


def status_of(world, other, version):
    """What another client's request for the first byte of a lock comes to."""
    handle = world.file_handle(world.home, "held.v" + version)
    return other.lock(world.home.address, handle, START)


def dead_client(world):
    """a client loses power; release frees its locks, NFSv3 and NFSv4, at once, and nobody else's"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    holders = [world.hold(home, version) for version in VERSIONS]
    world.granted(home, start=7)        # of a client that lives
    world.has_locks(home, holders)
    other = world.lock_client()
    address = world.client.ip
    world.client.kill()
    for version in VERSIONS:
        answer = status_of(world, other, version)
        world.that(answer.status == "denied", "NFSv%s: %s, though its holder has not given it back", version,
                   answer.status)
    begin = world.now()
    out = release(world, address)
    took = world.now() - begin
    world.that("did not answer" in out and "NFSv4 locks are released" in out, out)
    for version in VERSIONS:
        answer = status_of(world, other, version)
        world.that(answer.status == "granted" and answer.wait_s < AT_ONCE_S, "NFSv%s after release: %s, %.1f s",
                   version, answer.status, answer.wait_s)
    world.say("release took %.1f s", took)
    world.that(("probe", 7, 7) in world.locks(home), "a lock of another client is gone: %s", world.locks(home))
    # lockd may grant it new locks and not say so: it is to be told at the next takeover.
    world.that(world.listed(home).get(address) == "seen", "its entry: %s", world.listed(home))
    world.that(world.status(home)["over NFSv4"] == 0, world.status(home)["text"])
    world.new_client()
    lines = world.shell("group-lockrecover release --yes home 10.99.0.250 2>&1; echo status=$?")
    world.that("knows no client" in lines and "status=105" in lines, lines)


def live_client(world):
    """a client that is released by mistake hears of it, and reclaims nothing at the next takeover"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    lost = world.hold(home, "3")
    other = world.lock_client()
    out = release(world, world.client.ip)
    world.that("the client is alive" in out, out)
    answer = status_of(world, other, "3")
    world.that(answer.status == "granted", "after release: %s", answer.status)
    new = world.hold(home, "3", "asked.v3")
    world.stop(home)
    world.serve(home)
    world.has_locks(home, [new], BACK_WITHIN_S)
    world.that(lost.lock not in world.locks(home), "it reclaimed what was another's: %s", world.locks(home))


def end_grace(world):
    """one of two clients is dead at a takeover; end-grace names it, and new locks are granted at once"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    absent = world.lock_client()
    world.granted(home, absent)
    holders = [world.hold(home, version) for version in ("3", "4.2")]
    lines = world.shell("group-lockrecover end-grace --yes home 2>&1; echo status=$?")
    world.that("not in its grace period" in lines and "status=107" in lines, lines)
    world.stop(home)
    world.serve(home)
    world.has_locks(home, holders, BACK_WITHIN_S)
    newcomer = world.lock_client()
    world.that(world.new_lock(home, newcomer).status == "grace", "grace is over before it is ended")
    lines = world.shell("group-lockrecover end-grace --yes home")
    world.that("has not come back: " + absent.address in lines, lines)
    world.granted(home, newcomer, within_s=AT_ONCE_S)
    world.that(world.listed(home).get(absent.address) == "missed", "its entry: %s", world.listed(home))
    world.has_locks(home, holders)
    # The power goes: who is missed is not told to reclaim.
    world.reboot()
    world.serve(home)
    world.has_locks(home, holders, BACK_WITHIN_S)
    world.that(world.listed(home).get(absent.address) == "missed", "its entry: %s", world.listed(home))


def recover_by_hand(world):
    """recover --force drops all locks, and every client reclaims its own"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    holders = [world.hold(home, version) for version in ("3", "4.2")]
    state = world.status(home)["state"]
    out = world.shell("group-lockrecover recover home 2>&1; echo status=$?")
    world.that("no cluster manager runs" in out and "status=102" in out, out)
    world.shell("group-lockrecover recover --force home")
    world.that(world.status(home)["state"] == state + 2, "the NSM state is not new")
    world.has_locks(home, holders, BACK_WITHIN_S)


TESTS = (dead_client, live_client, end_grace, recover_by_hand)
