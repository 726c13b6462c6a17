# SPDX-License-Identifier: GPL-2.0-or-later
"""Daemons that die or hang are replaced in place, and no lock is touched."""
from signal import SIGSTOP

from .world import OCF_ERR_GENERIC, OCF_SUCCESS

REPLACED_WITHIN_S = 5
OTHERS_WAIT_S = 2.5                     # asked each half second, it has one to answer, its successor starts
BACK_WITHIN_S = 4                       # asked each half second, it has two to answer, its successor starts


def with_locks(world):
    """home serves a client that holds a lock over each protocol; returns the locks."""
    world.new_disk(world.home)
    world.serve(world.home)
    world.file_handle(world.home)
    return [world.hold(world.home, version) for version in ("3", "4.2")]


def restarted(world, name):
    home = world.home
    holders = with_locks(world)
    pids = world.daemons(home)[name]
    world.that(len(pids) == 1 or name == "rpc.mountd", "%d processes of %s", len(pids), name)
    main = min(pids)
    world.kill(main)
    begin = world.now()
    answer = world.new_lock(home)       # it comes while nobody is there
    world.that(answer.status == "granted", "a new lock: %s", answer.status)
    world.until(lambda: set(world.daemons(home).get(name, [])) - set(pids), REPLACED_WITHIN_S,
                name + " runs again")
    world.say("new lock after %.2f s, restarted within %.2f s", answer.wait_s, world.now() - begin)
    world.has_locks(home, holders)
    world.healthy(home)
    world.granted(home, within_s=3)
    world.client_mount(home, "3", second=True)
    world.hold(home, "4.1")
    world.stop(home)
    world.nothing_left(home)


def statd_killed(world):
    """glr-statd is killed; an SM_MON that comes in the gap succeeds"""
    restarted(world, "glr-statd")


def rpcbind_killed(world):
    """rpcbind is killed; its registrations survive"""
    restarted(world, "rpcbind")


def mountd_killed(world):
    """rpc.mountd is killed; mounts work again"""
    restarted(world, "rpc.mountd")


def statd_hangs(world):
    """glr-statd hangs: replaced, and the wait of another group's locks meanwhile"""
    home, mail = world.home, world.mail
    holders = with_locks(world)
    world.new_disk(mail)
    world.serve(mail)
    main = world.daemons(home)["glr-statd"][0]
    with world.probe(mail) as probe:
        world.send(SIGSTOP, main)
        # Pacemaker may look just then.
        world.server.spawn(world.agent_command("lockrecover", "monitor", home))
        answer = world.new_lock(home, timeout_s=30)
    world.say("new lock after %.1f s; other group waited %.1f s at most", answer.wait_s, probe.longest_s)
    world.that(answer.status == "granted", "a new lock: %s", answer.status)
    world.that(probe.longest_s < OTHERS_WAIT_S, "another group waited %.1f s", probe.longest_s)
    world.that(world.daemons(home)["glr-statd"] != [main], "it was not replaced")
    world.has_locks(home, holders)
    world.healthy(home)


def replaced(world, name):
    home = world.home
    holders = with_locks(world)
    pids = world.daemons(home)[name]
    begin = world.now()
    for pid in pids:
        world.send(SIGSTOP, pid)
    answer = world.new_lock(home)       # of an address that was never asked about
    world.that(answer.status == "granted", "a new lock: %s", answer.status)
    world.file_handle(home, "held.v3")  # by way of rpcbind and the mount protocol
    back_s = world.now() - begin
    world.say("new lock after %.1f s, new mount after %.1f s", answer.wait_s, back_s)
    world.that(back_s < BACK_WITHIN_S, "after %.1f s nobody could mount", back_s)
    world.that(not set(world.daemons(home)[name]) & set(pids), "it was not replaced")
    world.client_mount(home, "3", second=True)
    world.has_locks(home, holders)
    world.healthy(home)
    world.stop(home)
    world.nothing_left(home)


def mountd_hangs(world):
    """rpc.mountd hangs: replaced, new clients are let in and mount"""
    replaced(world, "rpc.mountd")


def rpcbind_hangs(world):
    """rpcbind hangs: replaced, with its registrations"""
    replaced(world, "rpcbind")


def supervisor_stopped(world):
    """the supervisor is stopped: the monitor action continues it, and it looks after its daemons again"""
    home = world.home
    holders = with_locks(world)
    statd = world.daemons(home)["glr-statd"]
    world.send(SIGSTOP, int(world.shell("cat /run/glr/home/supervisor")))
    world.expect(world.agent("nfsserver", "monitor", home), OCF_SUCCESS)
    world.kill(statd[0])
    world.until(lambda: set(world.daemons(home).get("glr-statd", [])) - set(statd), REPLACED_WITHIN_S,
                "glr-statd runs again")
    world.has_locks(home, holders)
    world.healthy(home)
    world.stop(home)
    world.nothing_left(home)


def supervisor_killed(world):
    """the supervisor is killed: monitor fails, stop and start bring the locks back"""
    home = world.home
    holders = with_locks(world)
    world.kill(int(world.shell("cat /run/glr/home/supervisor")))
    world.expect(world.agent("nfsserver", "monitor", home), OCF_ERR_GENERIC,
                 "supervisor of group home is gone and left processes behind: stop the group")
    world.has_locks(home, holders)
    world.granted(home, within_s=3)
    begin = world.now()
    world.stop(home)
    world.say("stop took %.1f s", world.now() - begin)
    world.that(not world.locks(home), "locks outlive stop")
    left = world.leftovers()
    world.that(not left, "left after stop: %s", ", ".join(left))
    world.serve(home)
    world.has_locks(home, holders, 10)


def all_killed(world):
    """everything of the group in user space is killed at once"""
    home = world.home
    holders = with_locks(world)
    world.shell("kill -9 $(cat /run/glr/home/supervisor) $(ip netns pids home) 2>/dev/null; true")
    world.expect(world.agent("nfsserver", "monitor", home), OCF_ERR_GENERIC, "stop the group")
    begin = world.now()
    world.stop(home)
    world.say("stop took %.1f s", world.now() - begin)
    world.nothing_left(home)
    world.serve(home)
    world.has_locks(home, holders, 10)
    world.expect(world.agent("nfsserver", "monitor", home), OCF_SUCCESS)


TESTS = (statd_killed, rpcbind_killed, mountd_killed, statd_hangs, mountd_hangs, rpcbind_hangs,
         supervisor_stopped, supervisor_killed, all_killed)
