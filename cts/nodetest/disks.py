# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that fail or hang while clients are served: refused in time, said clearly, nobody else waits."""
import contextlib
import threading
from signal import SIGSTOP

from .supervision import OTHERS_WAIT_S
from .world import OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS

NAME = "tested"
DM = "export DM_DISABLE_UDEV=1; "
LINEAR = "0 {sectors} linear {device} 0"
AT_ONCE_S = 0.5
BUSY_S = 2
BOUND_S = 1.1 + 0.5                     # the monitor's, and a busy machine's
BACK_WITHIN_S = 12
STOP_S = 8
IN_TIME = "not done within the operation's timeout|process .* does not end|has not ended yet"
THREADS_WAITING = r"""
for process in /proc/[0-9]*; do
	read -r _ name state _ <$process/stat && [ "$name" = "(nfsd)" ] && [ "$state" = D ] && echo $process
done 2>/dev/null
true
"""
CANNOT_WRITE = "group home cannot write new clients to its list: "


class Disk:
    """A group's disk behind device mapper."""

    def __init__(self, world, device):
        self.world, self.device = world, device
        self.sectors = int(world.shell("blockdev --getsz %s", device))

    def create(self):
        """Until the filesystem is unmounted after the test, or the node boots; returns the device."""
        line = self.line(LINEAR)
        self.world.change("modprobe dm-mod; " + DM +
                          "dmsetup create %s --table '%s'" % (NAME, line),
                          DM + self.switch(line) + "; dmsetup remove --deferred " + NAME)
        return "/dev/" + self.world.shell("dmsetup info -c --noheadings -o blkdevname %s", NAME).strip()

    def line(self, table):
        return table.format(sectors=self.sectors, device=self.device)

    @staticmethod
    def switch(line):
        return ("dmsetup suspend --nolockfs {0}; dmsetup load {0} --table '{1}' && dmsetup resume {0}"
                .format(NAME, line))

    def becomes(self, table):
        self.world.shell(DM + self.switch(self.line(table)))

    def freeze(self):
        """What is asked of it waits."""
        self.world.shell(DM + "dmsetup suspend --noflush --nolockfs " + NAME)

    def thaw(self):
        self.world.shell(DM + "dmsetup resume " + NAME)


@contextlib.contextmanager
def mapped(world, group):
    plain = group.device
    world.unmount(group)
    disk = Disk(world, plain)
    try:
        group.device = disk.create()
        yield disk
    finally:
        group.device = plain
        world.files.pop(group.name, None)


def served(world):
    """home is served anew and has a client that is known; returns it."""
    world.new_disk(world.home)
    world.serve(world.home)
    known = world.lock_client()
    world.granted(world.home, known, start=1)
    return known


def refused(world, within_s):
    answer = world.new_lock(world.home)
    world.that(answer.status == "nolocks", "a client that cannot be written down: %s", answer.status)
    world.that(answer.wait_s < within_s, "it was refused after %.2f s", answer.wait_s)
    return answer.wait_s


def written_down_again(world):
    client = world.lock_client()
    world.until(lambda: world.new_lock(world.home, client).status == "granted", 10, "a new client is written down")


def io_errors(world):
    """a disk that fails: new clients are refused at once and for good, known ones served, stop works"""
    home = world.home
    world.bystander()
    with mapped(world, home) as disk:
        known = served(world)
        real = world.hold(home, "3")
        disk.becomes("0 {sectors} flakey {device} 0 0 600 1 error_writes")
        waits = [refused(world, BOUND_S)]
        world.expect(world.agent("nfsserver", "monitor", home), OCF_ERR_GENERIC, CANNOT_WRITE + ".*error")
        disk.becomes(LINEAR)            # a sync that failed may not be tried again
        waits.append(refused(world, AT_ONCE_S))
        disk.becomes("0 {sectors} error")
        world.granted(home, known, start=2, within_s=AT_ONCE_S)
        world.has_locks(home, [real])
        began = world.now()
        world.stop(home)
        world.say("refused after %.2f and %.2f s, stopped in %.1f s", *waits, world.now() - began)
        world.nothing_left(home)
        disk.becomes(LINEAR)
        world.shell("e2fsck -fy %s; [ $? -le 1 ]", home.device)
        world.serve(home)
        world.has_locks(home, [real], BACK_WITHIN_S)
    world.bystander_unharmed()


def unreadable_list(world):
    """a list that cannot be read is not taken for an empty one"""
    home = world.home
    world.bystander()
    with mapped(world, home) as disk:
        known = served(world)
        world.stop(home)
        extents = world.shell("for slot in 0 1; do filefrag -v -b512 %s/clients.$slot; done", home.state_dir)
        first = [line.split(":")[2].split(".")[0].strip() for line in extents.splitlines()
                 if line.split(":")[0].strip() == "0"]
        world.that(len(first) == 2, extents)
        world.unmount(home)
        disk.becomes("0 {sectors} dust {device} 0 512")
        for sector in first:
            world.shell("dmsetup message %s 0 addbadblock %s", NAME, sector)
        world.shell("dmsetup message %s 0 enable", NAME)
        world.mount(home)
        world.expect(world.agent("nfsserver", "start", home), OCF_ERR_GENERIC,
                     "cannot read the client list in .*: Input/output error")
        world.expect(world.agent("nfsserver", "monitor", home), OCF_NOT_RUNNING)
        world.unmount(home)
        disk.becomes(LINEAR)
        world.serve(home)
        world.that(known.address in world.listed(home), "the list was lost")
    world.bystander_unharmed()


def hanging_disk(world):
    """a disk that hangs: new clients are refused in time, others undisturbed; one that is only busy is no failure"""
    home = world.home
    world.bystander()
    with mapped(world, home) as disk:
        known = served(world)
        with world.probe(world.mail) as probe:
            disk.freeze()
            waits = [refused(world, within_s) for within_s in (BOUND_S, AT_ONCE_S)]
            world.granted(home, known, start=2, within_s=AT_ONCE_S)
            world.expect(world.agent("nfsserver", "monitor", home), OCF_ERR_GENERIC,
                         CANNOT_WRITE + ".*has not come back")
            threading.Timer(BUSY_S, disk.thaw).start()
            world.expect(world.agent("nfsserver", "monitor", home), OCF_SUCCESS)
        world.say("refused after %.2f and %.2f s; other group waited %.2f s at most", *waits, probe.longest_s)
        world.that(probe.longest_s < BOUND_S, "another group waited %.2f s", probe.longest_s)
        written_down_again(world)
        world.healthy(home)
    world.bystander_unharmed()


def monitor_hangs_too(world):
    """a disk that hangs and a monitor that is stopped and cannot even die: lockd is refused in time"""
    home = world.home
    world.bystander()
    with mapped(world, home) as disk:
        served(world)
        main = world.daemons(home)["glr-statd"][0]
        with world.probe(world.mail) as probe:
            disk.freeze()
            refused(world, BOUND_S)     # its writer waits for the disk now
            world.send(SIGSTOP, main)
            waits = [refused(world, within_s) for within_s in (OTHERS_WAIT_S, AT_ONCE_S)]
            world.expect(world.agent("nfsserver", "monitor", home), OCF_ERR_GENERIC, "does not answer")
        world.say("refused after %.2f and %.2f s; other group waited %.2f s at most", *waits, probe.longest_s)
        world.that(probe.longest_s < OTHERS_WAIT_S, "another group waited %.2f s", probe.longest_s)
        disk.thaw()
        written_down_again(world)
        world.that(world.daemons(home)["glr-statd"] != [main], "it was not replaced")
        world.healthy(home)
    world.bystander_unharmed()


def stops_in_time(world, name):
    """The outcome of a stop, which is success or one clear reason, but not Pacemaker's patience."""
    outcome = world.agent(name, "stop", world.home, timeout_s=STOP_S)
    world.that(outcome.seconds < STOP_S, "%s: stop took %.1f s", name, outcome.seconds)
    if outcome.rc != OCF_SUCCESS:
        world.expect(outcome, OCF_ERR_GENERIC, IN_TIME)
    return outcome


def stopped_and_fenced(world, client_writes):
    """home is stopped while its disk hangs, its node is fenced, and home is served again."""
    home, writer = world.home, None
    with mapped(world, home) as disk:
        served(world)
        holders = [world.hold(home, version) for version in ("3", "4.2")]
        disk.freeze()
        refused(world, BOUND_S)         # the monitor's writer waits for the disk
        if client_writes:
            writer = world.client.spawn(["dd", "if=/dev/zero", "of=%s/written" % world.mount_point(home, "3"),
                                         "bs=64k", "count=4", "conv=fsync"])
            world.until(lambda: world.shell(THREADS_WAITING), 20, "a thread of nfsd waits for the disk")
        outcomes = [stops_in_time(world, name) for name in ("lockrecover", "nfsserver")]
        world.that(any(outcome.rc for outcome in outcomes), "stopped, with a process that waits for the disk")
        world.say("; ".join("%.1f s: %s" % (outcome.seconds, outcome.reason or "stopped") for outcome in outcomes))
        world.reboot()
    world.serve(home)
    world.has_locks(home, holders, BACK_WITHIN_S)
    for version in ("3", "4.2"):
        world.denied_to_others(home, version)
    if writer:
        world.until(lambda: not writer.running, 30, "what the client wrote is written")


def stop_while_frozen(world):
    """a group stopped while its disk hangs: no stop outlasts its timeout, and after fencing all locks are back"""
    world.release_kept()
    stopped_and_fenced(world, True)
    if world.thorough:
        world.settle()
        stopped_and_fenced(world, False)


TESTS = (io_errors, unreadable_list, hanging_disk, monitor_hangs_too, stop_while_frozen)
