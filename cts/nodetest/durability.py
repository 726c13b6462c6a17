# SPDX-License-Identifier: GPL-2.0-or-later
"""Power cuts: whoever was acknowledged is on the list."""
import os
import random
import time

from lab.network import HOST_ADDRESS

from .disks import mapped
from .nlm import crowd
from .world import Failure

CUTS, THOROUGH_CUTS = 5, 200
LOAD_S = 0.5                            # of a round, at most, after its first acknowledgement
FROZEN_S = 0.05
FIRST_S = 20
WORKERS = 4
PER_ROUND = 4096                        # numbers of clients
SECTOR, PART_BYTES = 512, 4096 * 512    # see workload/monload.c
LISTED = "listed"
CROWD = 300                             # new clients of a full filesystem
BACK_WITHIN_S = 12


class Log:
    """What monload wrote on the third disk, read in its image."""

    def __init__(self, lab):
        self.path = lab.disks[2]

    def clear(self):
        size = os.path.getsize(self.path)
        os.truncate(self.path, 0)
        os.truncate(self.path, size)

    def first(self):
        with open(self.path, "rb") as f:
            return any(self.sector(f, worker * PART_BYTES) for worker in range(WORKERS))

    @staticmethod
    def sector(f, offset):
        f.seek(offset)
        return f.read(SECTOR).rstrip(b"\0")

    def read(self):
        """(the clients that must be on the list, how often one was acknowledged)"""
        wanted, count = set(), 0
        with open(self.path, "rb") as f:
            for worker in range(WORKERS):
                for offset in range(worker * PART_BYTES, (worker + 1) * PART_BYTES, SECTOR):
                    line = self.sector(f, offset)
                    if not line:
                        break
                    what, name = line.decode().split()
                    if what == "M":
                        wanted.add(name)
                        count += 1
                    else:
                        wanted.discard(name)
        return wanted, count


def listed(world):
    """The list as it lies on the disk of a node that lost power."""
    path = os.path.join(world.lab.dir, LISTED)
    world.mount(world.home)
    world.shell("group-lockrecover list --file=%s >/run/lab/" + LISTED, world.home.state_dir)
    with open(path) as f:
        return {line.split()[0] for line in f}


def one_round(world, disk, log, number, seconds):
    """A node that was just booted serves, is loaded, and loses power; returns what Log.read() does."""
    home = world.home
    log.clear()
    world.begin(home)
    load = world.server.spawn(["ip", "netns", "exec", home.name, "/run/lab/monload",
                               world.lab.device("C"), str(number * PER_ROUND), str(WORKERS)])
    if number % 2:                      # a new epoch, and what it rewrites, are cut too
        world.server.spawn(world.agent_command("lockrecover", "start", home))
    deadline = time.monotonic() + FIRST_S
    while not log.first():
        world.that(load.running and time.monotonic() < deadline, "nobody is acknowledged: %s", load.output())
        time.sleep(0.005)
    time.sleep(seconds)
    world.that(load.running, "monload: %s", load.output())
    if number % 4 < 2:                  # the disk goes first: what is acknowledged now was not written
        disk.freeze()
        time.sleep(FROZEN_S)
    world.server.kill()
    world.reboot()
    disk.create()
    return log.read()


def power_cuts(world):
    """the node loses power while clients are written down; nobody acknowledged is missing"""
    world.release_kept()
    with mapped(world, world.home) as disk:
        world.new_disk(world.home)
        world.mount(world.home)
        cut_again_and_again(world, disk, THOROUGH_CUTS if world.thorough else CUTS)


def cut_again_and_again(world, disk, cuts):
    wanted, count, log, began = set(), 0, Log(world.lab), world.now()
    for number in range(cuts):
        seconds = random.uniform(0, LOAD_S)
        acknowledged, more = one_round(world, disk, log, number, seconds)
        world.that(more, "cut %d: nobody was acknowledged", number)
        wanted, count = wanted | acknowledged, count + more
        missing = wanted - listed(world)
        if missing:
            raise Failure("cut %d, after %.3f s: %d of %d acknowledged clients are missing, of this round %d of "
                          "%d: %s" % (number, seconds, len(missing), len(wanted), len(missing & acknowledged),
                                      len(acknowledged), " ".join(sorted(missing)[:5])))
    world.say("%d cuts in %.0f s, %d acknowledgements, %d clients", cuts, world.now() - began, count, len(wanted))


def fill(world, group):
    """As root, to the last block."""
    world.shell("""cd %s; size=$((1 << 30)) number=0
while [ $size -ge 4096 ]; do
	number=$((number + 1))
	fallocate -l $size fill.$number 2>/dev/null || size=$((size / 2))
done
dd if=/dev/zero of=fill.last bs=4k oflag=sync status=none 2>/dev/null
! dd if=/dev/zero of=fill.one bs=4k count=1 oflag=sync status=none 2>/dev/null""", group.share)


def full_filesystem(world):
    """a filesystem full to the last block denies nobody a lock, and nobody is forgotten"""
    home = world.home
    world.release_kept()
    world.new_disk(home)
    world.mount(home)
    world.begin(home, gateway=HOST_ADDRESS)
    world.open(home)
    handle = world.file_handle(home)
    world.client_mount(home, "3")
    world.client.run("touch %s/held.v3" % world.mount_point(home, "3"))
    # The holder writes into the range that it locks.
    world.shell("dd if=/dev/zero of=%s/held.v3 bs=4k seek=256 count=1 conv=notrunc,fsync status=none",
                home.share)
    fill(world, home)
    real = world.hold(home, "3")
    addresses, longest_s = crowd(world.lab.network, CROWD), 0.0
    for start, address in enumerate(addresses):
        client = world.lock_client(address)
        answer = client.lock(home.address, handle, start)
        client.close()
        world.that(answer.status == "granted", "client %d of a full filesystem: %s", start + 1, answer.status)
        longest_s = max(longest_s, answer.wait_s)
    world.healthy(home)
    world.say("%d new clients, %.2f s at most", len(addresses), longest_s)
    world.reboot()
    missing = {world.client.ip, *addresses} - listed(world)
    world.that(not missing, "%d clients are missing after a power cut", len(missing))
    world.serve(home)
    world.has_locks(home, [real], BACK_WITHIN_S)


TESTS = (full_filesystem, power_cuts)
