# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input and bad places: refused with what to do, nothing left behind, no lock lost."""
import contextlib
import re

from .world import (OCF_ERR_ARGS, OCF_ERR_CONFIGURED, OCF_ERR_GENERIC, OCF_ERR_INSTALLED,
                    OCF_NOT_RUNNING, OCF_SUCCESS)

LIST_SIZE = 4
USER = 1000
NO_NAME = "group.*(is not a host name: use|is missing: set)"
BACK_WITHIN_S = 12


@contextlib.contextmanager
def refusals(world, prepared=True):
    """Around actions that are to fail: the group has left nothing, anywhere, and hurt nobody."""
    home = world.home
    world.bystander()
    if prepared:
        world.mount(home)
    before = files(world, home)
    yield
    world.that(files(world, home) == before, "files appeared: %s", set(files(world, home)) - set(before))
    left = world.leftovers()
    world.that(not left, "left behind: %s", ", ".join(left))
    for name in ("lockrecover", "nfsserver"):
        world.expect(world.agent(name, "monitor", home), OCF_NOT_RUNNING)
        world.expect(world.agent(name, "stop", home), OCF_SUCCESS)
    world.bystander_unharmed()


def files(world, group):
    """Whatever lies in the group's directory, mounted or not, and in the runtime directories."""
    return world.shell("cd %s && find . -xdev ! -path './lost+found*' ! -path './share*' | sort; "
                       "ls -d /run/glr/* /run/netns/* 2>/dev/null; true", group.directory).splitlines()


def refused(world, rc, pattern, agent="nfsserver", /, **changes):
    world.expect(world.agent(agent, "start", world.home, **changes), rc, pattern)


def no_nfsd(world):
    """a kernel without an NFS server"""
    world.reboot()
    world.mount(world.home)
    world.change("mount -t tmpfs none $(readlink -f /lib/modules/$(uname -r))",
                 "umount $(readlink -f /lib/modules/$(uname -r))")
    refused(world, OCF_ERR_INSTALLED, "no NFS server.*install a kernel with CONFIG_NFSD")
    left = world.leftovers() + files(world, world.home)[1:]
    world.that(not left, "left behind: %s", ", ".join(left))
    world.undo()
    world.begin(world.home)


def not_mounted(world):
    """nothing mounted at the directory, or no directory"""
    world.bystander()
    world.unmount(world.home)
    with refusals(world, prepared=False):
        refused(world, OCF_ERR_ARGS, "nothing is mounted at /srv/home: mount")
        refused(world, OCF_ERR_ARGS, "the directory /srv/nowhere: .*: make it", directory="/srv/nowhere",
                exports="/srv/nowhere *(rw)")


def state_directory_exported(world):
    """a state directory that clients could reach"""
    with refusals(world):
        refused(world, OCF_ERR_CONFIGURED, "clients could reach .*/.glr through .*: export a directory",
                exports="/srv/home *(rw)")
        refused(world, OCF_ERR_CONFIGURED, "clients could reach .*: export a directory beside it",
                state_dir="/srv/home/share/state")
        refused(world, OCF_ERR_CONFIGURED, "is not on the filesystem of /srv/home", state_dir="/tmp/state")


def group_name(world):
    """a group name that is no host name"""
    with refusals(world):
        for name in ("", "..", "a/b", "two words", "-x", "under_score", "x" * 64, "caf\u00e9"):
            refused(world, OCF_ERR_CONFIGURED, NO_NAME, group=name)
        for agent in ("IPaddr2", "lockrecover"):
            refused(world, OCF_ERR_CONFIGURED, NO_NAME, agent, group="a/b")
        for name in ("..", "a/b", "x" * 64):
            world.expect(world.glr_server("start", name, "--directory=/srv/home", "--link=none"),
                         OCF_ERR_CONFIGURED, "host name")


def no_address(world):
    """lockrecover before any address"""
    home = world.home
    world.bystander()
    world.mount(home)
    refused(world, OCF_ERR_GENERIC, "home was not started on this node: start ocf:glr:nfsserver",
            "lockrecover")
    world.expect(world.agent("nfsserver", "start", home), OCF_SUCCESS)
    before = world.status(home)
    refused(world, OCF_ERR_GENERIC, "no address in its namespace: start an ocf:glr:IPaddr2 with group=home",
            "lockrecover")
    world.that(world.status(home) == before, "the refused start began an epoch: %s",
               world.status(home)["text"])
    world.expect(world.agent("lockrecover", "monitor", home), OCF_NOT_RUNNING)
    world.add_address(home)
    world.open(home)
    world.bystander_unharmed()


def nic(world):
    """a network device that is not named, or not there"""
    with refusals(world):
        refused(world, OCF_ERR_CONFIGURED, "nic is missing: name the network device", nic=None)
        refused(world, OCF_ERR_ARGS, "no network device 'eth9' on this node", nic="eth9")
        refused(world, OCF_ERR_CONFIGURED, "link='tunnel' is not known: use", link="tunnel")


def duplicate_fsid(world):
    """two groups that export with the same fsid"""
    mail, home = world.mail, world.home
    world.release_kept()
    world.bystander("%s *(rw,fsid=77,no_root_squash,no_subtree_check)" % mail.share)
    with refusals(world):
        refused(world, OCF_ERR_CONFIGURED, "home and mail both export with fsid=77.*leave fsid out",
                exports="%s *(rw,fsid=77)" % home.share)
    world.release_kept()


def list_of_another_group(world):
    """a client list that another group wrote"""
    home = world.home
    world.bystander()
    world.mount(home)
    world.begin(home)
    world.stop(home)
    world.shell("sync; cp -a %s /tmp/before", home.state_dir)
    with refusals(world):
        refused(world, OCF_ERR_CONFIGURED, "belongs to another group than away", group="away")
        world.that(not world.shell("diff -r %s /tmp/before", home.state_dir), "the list was changed")
        world.expect(world.agent("nfsserver", "stop", home, group="away"), OCF_SUCCESS)


def damaged_list(world):
    """a client list damaged in the middle"""
    home = world.home
    world.bystander()
    world.new_disk(home)
    world.serve(home)
    others = [world.lock_client() for _ in range(LIST_SIZE)]
    for client in others[:2]:
        world.granted(home, client)
    real = world.hold(home, "3")
    for client in others[2:]:
        world.granted(home, client)
    world.that(len(world.listed(home)) == LIST_SIZE + 1, "the list: %s", world.listed(home))
    world.stop(home)
    overwrite(world, home, others[1].address)
    world.begin(home)
    kept = world.shell("ls %s | grep broken-; true", home.state_dir).split()
    world.that(len(kept) >= 1, "no copy of the damaged list was kept")
    wanted = {c.address for c in others} - {others[1].address} | {world.client.ip}
    missing = wanted - set(world.listed(home))
    world.that(not missing, "lost from the list: %s", missing)
    world.open(home)
    world.until(lambda: world.status(home)["told"] >= len(wanted), BACK_WITHIN_S,
                lambda: "everybody is told: %s" % world.status(home)["text"])
    world.has_locks(home, [real], BACK_WITHIN_S)
    world.bystander_unharmed()


def overwrite(world, group, address):
    """One byte of that client's record, in whichever slot it is."""
    found = world.shell("cd %s; grep -abo %s clients.0 clients.1", group.state_dir, address)
    places = re.findall(r"(clients\.\d):(\d+):", found)
    world.that(places, "%s is in no slot", address)
    for name, offset in places:
        world.shell("printf '\\377' | dd of=%s bs=1 seek=%d conv=notrunc status=none" % (
            group.state_dir + "/" + name, int(offset) + 1))


def busy_device(world):
    """a device that is mounted, here or in a mount namespace without processes"""
    home = world.home
    world.mount(home)
    refused(world, OCF_ERR_GENERIC, "busy: it is mounted on /srv/home: unmount it there", "device")
    world.expect(world.agent("device", "monitor", home), OCF_NOT_RUNNING)
    world.change("mkdir /run/pins; mount --bind /run/pins /run/pins; mount --make-private /run/pins; "
                 ": >/run/pins/mnt; unshare --mount=/run/pins/mnt --propagation private true",
                 "umount /run/pins/mnt; umount /run/pins; rm -r /run/pins")
    world.unmount(home)
    world.that(world.is_alive(home), "the pinned namespace does not hold the filesystem")
    refused(world, OCF_ERR_GENERIC, "mounted on /srv/home in the mount namespace pinned at /run/pins/mnt: "
            "unmount it there with 'nsenter", "device")
    world.expect(world.agent("device", "stop", home), OCF_SUCCESS)
    world.that(not world.is_alive(home), "stop has not unmounted it in the pinned namespace")
    world.expect(world.agent("device", "start", home), OCF_SUCCESS)
    world.expect(world.agent("device", "stop", home), OCF_SUCCESS)


def private_mount(world):
    """a mount that would not be unmounted in the group's namespace"""
    with refusals(world):
        world.shell("mount --make-private %s", world.home.directory)
        refused(world, OCF_ERR_ARGS, "is private, .*mount --make-rshared /")


def no_user(world):
    """the status monitor's user is missing"""
    with refusals(world):
        world.change("cp -p /etc/passwd /tmp/passwd; grep -v ^_glr: /tmp/passwd >/etc/passwd",
                     "cp -p /tmp/passwd /etc/passwd")
        refused(world, OCF_ERR_INSTALLED, "the user _glr.*does not exist: useradd")
        world.undo()


def host_names(world):
    """a kernel that names clients by DNS"""
    with refusals(world):
        world.change("echo 1 >/proc/sys/fs/nfs/nsm_use_hostnames", "echo 0 >/proc/sys/fs/nfs/nsm_use_hostnames")
        refused(world, OCF_ERR_INSTALLED, "nsm_use_hostnames is on.*: sysctl -w")
        world.undo()


def exports(world):
    """exports that are empty or nonsense"""
    with refusals(world):
        refused(world, OCF_ERR_CONFIGURED, "exports nothing: set exports, or write", exports=None)
        refused(world, OCF_ERR_CONFIGURED, "exports nothing", exports=" ; # nothing")
        refused(world, OCF_ERR_CONFIGURED, "not a line of exports.5.*absolute path", exports="share *(rw)")
        refused(world, OCF_ERR_CONFIGURED, "/srv/home/none cannot be resolved: .*: make it",
                exports="/srv/home/none *(rw)")
        refused(world, OCF_ERR_CONFIGURED, "both set: remove one", exports_file="/srv/home/exports")
    refused(world, OCF_ERR_GENERIC, "home.* exportfs: .*nonsense", exports="/srv/home/share *(nonsense)")
    world.expect(world.agent("nfsserver", "stop", world.home), OCF_SUCCESS)
    world.nothing_left(world.home)
    world.bystander_unharmed()


def grace_and_lease(world):
    """a grace period too short for NFSv4"""
    home = world.home
    world.bystander()
    world.mount(home)
    world.begin(home)
    refused(world, OCF_ERR_CONFIGURED, "grace_s=10 is less than lease_s=30: ", "lockrecover", lease_s=30)
    refused(world, OCF_ERR_CONFIGURED, "grace_s='5' is not a number from 10", "lockrecover", grace_s=5)
    world.expect(world.glr_server("open", "home", "--grace-s=10", "--lease-s=30"), OCF_ERR_CONFIGURED,
                 "shorter than lease_s=30")
    world.expect(world.agent("lockrecover", "monitor", home), OCF_NOT_RUNNING)
    world.bystander_unharmed()


def fill(world, group, user=0):
    """To the last block that this user may have; ext4 keeps some back for root."""
    world.shell("cd %s; for size in 64k 1k; do setpriv --reuid %d --clear-groups "
                "dd if=/dev/zero of=fill.$size bs=$size oflag=sync status=none 2>/dev/null; done; true"
                % (group.share, user))
    world.that(world.shell("df --output=avail %s | tail -n 1", group.directory).strip() == "0",
               "the filesystem is not full")


def full_at_start(world):
    """no room for the client list, and none left once it is there"""
    home = world.home
    world.bystander()
    world.new_disk(home)
    world.mount(home)
    fill(world, home)
    refused(world, OCF_ERR_GENERIC, "/srv/home/.glr: No space left.*: make room on its filesystem")
    world.expect(world.agent("nfsserver", "monitor", home), OCF_NOT_RUNNING)
    world.expect(world.agent("nfsserver", "stop", home), OCF_SUCCESS)
    world.shell("rm %s/fill*", home.share)
    world.serve(home)
    holders = [world.hold(home, version) for version in ("3", "4.2")]
    world.stop(home)
    fill(world, home, USER)
    world.serve(home)
    world.has_locks(home, holders, BACK_WITHIN_S)
    world.bystander_unharmed()


def failing_disk(world):
    """a filesystem that turns read-only while clients are served"""
    home = world.home
    world.bystander()
    world.new_disk(home)
    world.mount(home, "-o errors=remount-ro")
    world.serve(home)
    real = world.hold(home, "3")
    known = world.lock_client()
    world.granted(home, known, start=1)
    world.shell("echo 1 >/sys/fs/ext4/%s/trigger_fs_error" % home.device[5:])
    answer = world.new_lock(home)
    world.that(answer.status == "nolocks", "a client that cannot be written down: %s", answer.status)
    world.granted(home, known, start=2, within_s=5)
    world.expect(world.agent("nfsserver", "monitor", home), OCF_ERR_GENERIC,
                 "cannot write new clients to its list")
    world.has_locks(home, [real])
    world.stop(home)
    world.nothing_left(home)
    world.shell("e2fsck -fy %s; [ $? -le 1 ]", home.device)
    world.serve(home)
    world.has_locks(home, [real], BACK_WITHIN_S)
    world.bystander_unharmed()


TESTS = (no_nfsd, not_mounted, state_directory_exported, group_name, no_address, nic, duplicate_fsid,
         list_of_another_group, damaged_list, busy_device, private_mount, no_user, host_names, exports,
         grace_and_lease, full_at_start, failing_disk)
