# SPDX-License-Identifier: GPL-2.0-or-later
"""NFSv3 and all NFSv4 versions in one group: reclaimed, or no grace at all."""
import time

from .durability import fill
from .world import LEASE_S

VERSIONS = ("3", "4.0", "4.1", "4.2")
AT_ONCE_S = 3                           # with the look-up of the lock manager's port
BACK_WITHIN_S = 12
GRACE_MAX_S = 30                        # nfsd may double it
KILLS = 8
PIPE = "/var/lib/nfs/rpc_pipefs/nfsd/cld"
# Reads an upcall into where glr-statd reads it, and dies before it answers.
READ_ONE = """import os, select, struct
fd = os.open(%r, os.O_RDWR)
select.select([fd], [], [], 10)
message = os.read(fd, 1067)
with open("/run/glr/home/upcall", "r+b") as f:
    f.write(struct.pack("=QQ", *[os.fstat(fd).st_ino] * 2) + message)
print("read", len(message))
""" % PIPE


def all_versions_reclaim(world):
    """locks over NFSv3, 4.0, 4.1 and 4.2 come back after stop and start, twice"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    holders = [world.hold(home, version) for version in VERSIONS]
    world.has_locks(home, holders)
    # The client node is one client over 4.0, another over 4.1 and later.
    world.that(world.status(home)["over NFSv4"] >= 2, world.status(home)["text"])
    for _ in range(2):
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
        world.has_locks(home, holders, BACK_WITHIN_S)
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


def clients_leave(world):
    """an NFSv4 client that unmounts is struck off, and the next takeover does not wait for it"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    world.hold(home, "4.2")
    world.that(world.status(home)["over NFSv4"] == 1, world.status(home)["text"])
    world.settle_client()
    world.until(lambda: world.status(home)["over NFSv4"] == 0, 5, lambda: world.status(home)["text"])
    world.stop(home)
    world.serve(home)
    begin = world.now()
    world.hold(home, "4.2")
    world.that(world.now() - begin < 5, "a new NFSv4 lock took %.1f s", world.now() - begin)


def power_cut_in_grace(world):
    """the node loses power when some clients have reclaimed and some have not: all come back"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    holders = [world.hold(home, version) for version in VERSIONS]
    for part_s in (0.0, 1.5):
        world.reboot()
        world.serve(home)
        time.sleep(part_s)
    world.reboot()
    world.serve(home)
    world.has_locks(home, holders, BACK_WITHIN_S)


def full_filesystem(world):
    """a new NFSv4 client on a filesystem full to the last block; power cut; its lock comes back"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    for version in ("4.0", "4.2"):
        world.shell("dd if=/dev/zero of=%s bs=4k seek=256 count=1 conv=notrunc,fsync status=none && chmod 666 %s",
                    *["%s/held.v%s" % (home.share, version)] * 2)
    fill(world, home)
    holders = [world.hold(home, version) for version in ("4.0", "4.2")]
    world.healthy(home)
    world.that(world.status(home)["over NFSv4"] == 2, world.status(home)["text"])
    world.reboot()
    world.serve(home)
    world.has_locks(home, holders, BACK_WITHIN_S)


def tracker_killed(world):
    """glr-statd is killed again and again while NFSv4 clients come; each is recorded, none waits for long"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    world.client_mount(home, "4.2")
    for number in range(KILLS):
        world.kill(world.daemons(home)["glr-statd"][0])
        time.sleep(number * 0.02)
        world.client.run("umount -a -t nfs,nfs4")
        begin = world.now()
        world.client_mount(home, "4.%d" % (number % 3))
        world.that(world.now() - begin < 6, "mount %d took %.1f s", number, world.now() - begin)
        world.until(lambda: len(world.daemons(home).get("glr-statd", [])) == 1, 5, "glr-statd runs again")
    world.client.run("umount -a -t nfs,nfs4")
    holders = [world.hold(home, version) for version in ("4.0", "4.2")]
    world.that(world.status(home)["over NFSv4"] == 2, world.status(home)["text"])
    world.stop(home)
    world.serve(home)
    world.has_locks(home, holders, BACK_WITHIN_S)


def nobody_answers(world):
    """everything of the group is killed while nfsd waits for an answer: stop succeeds, locks come back"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    holder = world.hold(home, "4.2")
    world.shell("kill -9 $(cat /run/glr/home/supervisor) $(ip netns pids home) 2>/dev/null; true")
    reader = world.server.spawn(["nsenter", "--net=/run/netns/home", "--mount=/run/glr/home/mnt", "python3",
                                 "-c", READ_ONE])
    world.client.run("mkdir -p /mnt/waits")
    world.client.spawn(["mount", "-t", "nfs", "-o", "vers=4.1", "%s:%s" % (home.address, home.share), "/mnt/waits"])
    world.until(lambda: "read 1067" in reader.output(), 15, "nfsd asks")
    begin = world.now()
    world.stop(home)
    world.say("stop took %.1f s", world.now() - begin)
    world.nothing_left(home)
    world.serve(home)
    world.has_locks(home, [holder], BACK_WITHIN_S)


def take_over(world):
    """A power cut, and grace from beginning to end."""
    home = world.home
    world.reboot()
    world.serve(home)
    newcomer = world.lock_client()
    world.that(world.new_lock(home, newcomer).status == "grace", "no grace")
    world.until(lambda: world.new_lock(home, newcomer).status == "granted", GRACE_MAX_S, "the end of grace")


def two_takeovers_in_a_row(world):
    """an NFSv4.0 client that only reclaims, two power cuts in a row: its lock comes back each time"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    holder = world.hold(home, "4.0")
    for _ in range(2):
        take_over(world)
        world.has_locks(home, [holder])
        world.that(world.status(home)["over NFSv4"] == 1, world.status(home)["text"])
    # Nobody but itself renews its lease.
    time.sleep(1.5 * LEASE_S)
    world.has_locks(home, [holder])
    world.that(world.status(home)["over NFSv4"] == 1, world.status(home)["text"])
    world.denied_to_others(home, "4.0")


def who_reclaimed(world):
    """The lock of an NFSv4.0 client that came back after a power cut, of which nfsd says nothing."""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    holder = world.hold(home, "4.0")
    take_over(world)
    world.has_locks(home, [holder])
    return holder


def nobody_watches(world):
    """an NFSv4.0 client that only reclaimed; who watches it is killed, then the supervisor: its lock comes back"""
    home, holder = world.home, who_reclaimed(world)
    watcher = min(world.daemons(home)["glr-v4clients"])
    world.kill(watcher)
    world.until(lambda: min(world.daemons(home).get("glr-v4clients", [watcher])) != watcher, 5,
                "glr-v4clients runs again")
    time.sleep(LEASE_S / 2)
    world.that(world.status(home)["over NFSv4"] == 1, world.status(home)["text"])
    world.kill(int(world.shell("cat /run/glr/home/supervisor")))
    time.sleep(LEASE_S / 2)
    world.stop(home)
    world.nothing_left(home)
    world.serve(home)
    world.has_locks(home, [holder], BACK_WITHIN_S)


def lease_runs_out(world):
    """an NFSv4.0 client reclaims and is cut off; another gets its lock; power cut: it does not reclaim that"""
    home, holder = world.home, who_reclaimed(world)
    world.client.unplug()
    unplugged, struck = world.now(), None
    other = world.lock_client()
    file = world.file_handle(home, holder.name)

    def granted():
        return other.lock(home.address, file, holder.lock[1], 2).status == "granted"
    while not granted():
        if not struck and world.status(home)["over NFSv4"] == 0:
            struck = world.now() - unplugged
        world.that(world.now() - unplugged < 4 * LEASE_S, "the lock is not free after four leases")
        time.sleep(0.2)
    world.that(struck, "another has the lock, and who had it is on the list: %s", world.status(home)["text"])
    world.say("struck off after %.1f s, another has it after %.1f s", struck, world.now() - unplugged)
    world.reboot()
    world.serve(home)
    world.client.plug()
    newcomer = world.lock_client()
    while world.new_lock(home, newcomer).status == "grace":
        world.that(holder.lock not in world.locks(home), "it reclaimed what was another's")
        time.sleep(0.2)


def only_open_files(world):
    """an NFSv4.0 client that reclaims an open file stays on the list, one that reclaims nothing does not"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    at = world.client_mount(home, "4.0")
    opener = world.client.spawn(["sh", "-c", "exec sleep 600 3>>%s/open" % at])
    world.until(lambda: world.status(home)["over NFSv4"] == 1, 10, "the client is recorded")
    take_over(world)
    world.that(world.status(home)["over NFSv4"] == 1, world.status(home)["text"])
    opener.stop()
    world.client.run("sync %s" % at)
    take_over(world)
    world.that(world.status(home)["over NFSv4"] == 0, world.status(home)["text"])


TESTS = (all_versions_reclaim, no_grace_when_empty, clients_leave, power_cut_in_grace, full_filesystem,
         tracker_killed, nobody_answers, two_takeovers_in_a_row, nobody_watches, lease_runs_out,
         only_open_files)
