# SPDX-License-Identifier: GPL-2.0-or-later
"""Daemons that die or hang are replaced in place, and no lock is touched."""
import threading
import time
from signal import SIGSTOP

from .nlm import NoAnswer
from .world import OCF_ERR_GENERIC, OCF_SUCCESS

REPLACED_WITHIN_S = 5


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
    world.client_mount(home, "4.1" if name == "nfsdcld" else "3", second=True)
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


def nfsdcld_killed(world):
    """nfsdcld is killed; new NFSv4 clients are recorded again"""
    restarted(world, "nfsdcld")


def statd_hangs(world):
    """glr-statd hangs: replaced, and the wait of another group's locks meanwhile"""
    home, mail = world.home, world.mail
    holders = with_locks(world)
    world.new_disk(mail)
    world.serve(mail)
    other, handle = world.lock_client(), world.file_handle(mail)
    world.granted(mail, other)
    port = other.lock_manager(mail.address, 5)
    main = world.daemons(home)["glr-statd"][0]
    longest = [0.0]
    ended = threading.Event()

    def lock_in_mail():
        start = 1000
        while not ended.is_set():
            start += 1
            try:
                wait_s = other.lock(mail.address, handle, start, 30, port).wait_s
            except NoAnswer:
                wait_s = 30.0
            longest[0] = max(longest[0], wait_s)
            time.sleep(0.02)
    probe = threading.Thread(target=lock_in_mail)
    probe.start()
    try:
        time.sleep(0.5)
        before = longest[0]
        world.send(SIGSTOP, main)
        answer = world.new_lock(home, timeout_s=30)
    finally:
        time.sleep(0.5)
        ended.set()
        probe.join()
    world.say("new lock after %.1f s; other group waited %.1f s at most (%.2f s before)",
              answer.wait_s, longest[0], before)
    world.that(answer.status == "granted", "a new lock: %s", answer.status)
    world.that(answer.wait_s < REPLACED_WITHIN_S + 2, "a new lock took %.1f s", answer.wait_s)
    world.that(world.daemons(home)["glr-statd"] != [main], "it was not replaced")
    world.has_locks(home, holders)
    world.healthy(home)


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


TESTS = (statd_killed, rpcbind_killed, mountd_killed, nfsdcld_killed, statd_hangs, supervisor_killed,
         all_killed)
