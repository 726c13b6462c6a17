# SPDX-License-Identifier: GPL-2.0-or-later
"""The server node, its client, two groups, and how tests ask them."""
import os
import re
import shlex
import signal
import time
from collections import namedtuple

from audits import proclocks
from lab import Lab, host

from .clients import Clients

OCF_SUCCESS, OCF_ERR_GENERIC, OCF_ERR_ARGS, OCF_ERR_INSTALLED = 0, 1, 2, 5
OCF_ERR_CONFIGURED, OCF_NOT_RUNNING = 6, 7
AGENTS = "/usr/lib/ocf/resource.d/glr/"
GLR_SERVER = "/usr/libexec/group-lockrecover/glr-server"
GRACE_S, LEASE_S = 10, 10               # the shortest there are
NIC = "vec0"
DISK_SIZE = "128M"
REASON = "ocf-exit-reason:"
POLL_S = 0.15

# What is left of groups that do not run: pins, runtime directories, and processes in
# namespaces that are neither the node's nor a running group's.
LEFTOVERS = r"""
for group in %(gone)s; do ls -d /run/netns/$group /run/glr/$group 2>/dev/null; done
for process in /proc/[0-9]*; do
	[ -e $process/exe ] || continue
	for kind in net mnt; do
		own=$process/ns/$kind
		[ $own -ef /proc/1/ns/$kind ] && continue
		for group in %(running)s; do
			[ $own -ef /run/netns/$group ] && continue 2
			[ $own -ef /run/glr/$group/mnt ] && continue 2
		done
		[ -e $own ] && { read -r name <$process/comm; echo "$process $name ($kind)"; }
	done
done 2>/dev/null
true
"""

Outcome = namedtuple("Outcome", "rc out reason seconds")


class Failure(Exception):
    """What a test found wrong."""


class Group:
    def __init__(self, name, letter, address):
        self.name, self.address = name, address
        self.device = Lab.device(letter)
        self.directory = "/srv/" + name
        self.share = self.directory + "/share"
        self.state_dir = self.directory + "/.glr"
        self.exports = "%s *(rw,no_root_squash,no_subtree_check)" % self.share

    def parameters(self, agent):
        return {
            "device": {"device": self.device},
            "nfsserver": {"group": self.name, "directory": self.directory, "nic": NIC,
                          "exports": self.exports},
            "IPaddr2": {"group": self.name, "ip": self.address, "cidr_netmask": 24},
            "lockrecover": {"group": self.name, "grace_s": GRACE_S, "lease_s": LEASE_S},
        }[agent]


class World(Clients):
    def __init__(self, lab, thorough):
        super().__init__(lab)
        self.thorough = thorough
        self.said = []                  # what a test measured, for its line
        self.server = lab["s1"]
        self.home = Group("home", "A", "10.99.0.101")
        self.mail = Group("mail", "B", "10.99.0.111")
        self.running = set()            # names of groups
        self.kept = set()               # of those, the ones that settle() leaves alone
        self.undos = []                 # shell commands, last first
        self.files = {}                 # group name -> see look_up_files()
        self.make_directories()

    def make_directories(self):
        self.server.run("mkdir -p %s %s" % (self.home.directory, self.mail.directory))

    # asking

    @staticmethod
    def agent_command(name, action, group, timeout_s=20, /, **changes):
        """An agent's action as Pacemaker calls it; a parameter of None is left out."""
        values = dict(group.parameters(name), **changes)
        argv = ["env", "OCF_ROOT=/usr/lib/ocf", "OCF_RESOURCE_INSTANCE=%s-%s" % (group.name, name),
                "OCF_RESKEY_CRM_meta_timeout=%d" % (timeout_s * 1000)]
        argv += ["OCF_RESKEY_%s=%s" % item for item in values.items() if item[1] is not None]
        return argv + [AGENTS + name, action]

    def agent(self, name, action, group, /, timeout_s=20, killed_after=None, **changes):
        """Runs it.

        killed_after   (seconds, whole): SIGKILL then, to the process group or to the action alone
        """
        argv = self.agent_command(name, action, group, timeout_s, **changes)
        if killed_after:
            seconds, whole = killed_after
            argv[-2:-2] = (["timeout", "-s", "KILL"] + ([] if whole else ["--foreground"]) +
                           ["%.3f" % seconds])
        return self.ask(argv, timeout_s + 20)

    def glr_server(self, *words, timeout_s=40):
        return self.ask([GLR_SERVER, "--ocf", *words], timeout_s)

    def ask(self, argv, timeout_s):
        begin = time.monotonic()
        result = self.server.run(argv, timeout=timeout_s, check=False)
        reasons = [line[len(REASON):] for line in result.out.splitlines() if line.startswith(REASON)]
        return Outcome(result.rc, result.out, "\n".join(reasons), time.monotonic() - begin)

    def expect(self, outcome, rc, pattern=None):
        """The exit code, and for a failure its one reason."""
        if outcome.rc != rc:
            raise Failure("exit code %s, not %s: %s" % (outcome.rc, rc, outcome.out.strip()))
        if pattern is not None:
            if outcome.reason.count("\n") or not re.search(pattern, outcome.reason):
                raise Failure("the reason does not match /%s/: %s" % (pattern, outcome.out.strip()))
        elif rc == OCF_SUCCESS and outcome.reason:
            raise Failure("a reason, but no failure: " + outcome.reason)
        return outcome

    @staticmethod
    def that(condition, text, *args):
        if not condition:
            raise Failure(text % args if args else text)

    @staticmethod
    def now():
        return time.monotonic()

    def until(self, condition, timeout_s, what):
        """Waits for what condition() returns to be true; returns it."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise Failure("after %g s still not: %s" % (timeout_s, what() if callable(what) else what))
            time.sleep(POLL_S)

    def change(self, do, undo):
        """Something on the server node that is undone at once, or at the test's end."""
        self.undos.append(undo)
        self.server.run(do)

    def undo(self):
        self.server.run(self.undos.pop())

    # groups

    def mount(self, group, options=""):
        self.server.run("mountpoint -q {0} || mount {1} {2} {0}; mkdir -p -m 777 {3}".format(
            group.directory, options, group.device, group.share))

    def unmount(self, group):
        self.server.run("if mountpoint -q {0}; then umount {0}; fi".format(group.directory))

    def new_disk(self, group):
        """An empty filesystem for a group that does not run."""
        if self.client_used:
            # It remembers the state number of a server that now begins anew.
            self.new_client()
        self.unmount(group)
        self.server.run("mkfs.ext4 -q -F -E lazy_itable_init=0,nodiscard %s" % group.device)
        self.files.pop(group.name, None)
        for key in [key for key in self.handles if key[0] == group.name]:
            del self.handles[key]

    def begin(self, group, **changes):
        """ocf:glr:nfsserver and the address, which tests of other things add without the agent."""
        self.expect(self.agent("nfsserver", "start", group, **changes), OCF_SUCCESS)
        self.running.add(group.name)
        self.add_address(group)

    def add_address(self, group):
        self.server.run("ip -n {0} addr add {1}/24 dev glr0 2>/dev/null || "
                        "ip -n {0} -o addr show dev glr0 | grep -q {1}".format(group.name, group.address))
        host.ip("neigh", "flush", "to", group.address, netns=self.lab.network.name)
        self.forget_neighbours()

    def remove_address(self, group):
        self.server.run("ip -n %s addr flush dev glr0 2>/dev/null; true" % group.name)

    def open(self, group, **changes):
        return self.expect(self.agent("lockrecover", "start", group, timeout_s=30, **changes),
                           OCF_SUCCESS)

    def serve(self, group):
        """The group runs and is open, whatever was before."""
        self.mount(group)
        self.begin(group)
        self.open(group)

    def stop(self, group):
        self.expect(self.agent("lockrecover", "stop", group), OCF_SUCCESS)
        self.remove_address(group)
        self.expect(self.agent("nfsserver", "stop", group), OCF_SUCCESS)
        self.running.discard(group.name)

    def settle(self):
        """After a test: the client holds no lock, no group runs, no filesystem is mounted."""
        while self.undos:
            self.server.run(self.undos.pop())
        self.settle_client()
        for group in (self.home, self.mail):
            if group.name in self.kept:
                continue
            if group.name in self.running or self.server.run(
                    "[ -e /run/glr/%s ]" % group.name, check=False).rc == 0:
                self.stop(group)
            self.unmount(group)

    def say(self, text, *args):
        self.said.append(text % args)

    def start_over(self):
        """After a test that could not be cleared up: fresh machines and disks."""
        self.new_client()
        self.reboot()
        for group in (self.home, self.mail):
            self.new_disk(group)

    def reboot(self):
        """A fresh machine: its kernel has loaded nothing, /run and /etc are new."""
        self.server.kill()
        self.server.boot()
        self.undos = []
        self.running.clear()
        self.kept.clear()
        self.make_directories()

    def release_kept(self):
        """Between parts."""
        if self.kept:
            self.kept.clear()
            self.settle()

    # another group on the node, to which nothing may happen

    def bystander(self, exports=None):
        """mail serves and a client has a lock in it, during all tests of the part."""
        if self.mail.name not in self.kept:
            self.new_disk(self.mail)
            self.mount(self.mail)
            self.begin(self.mail, exports=exports or self.mail.exports)
            self.open(self.mail)
            self.granted(self.mail, start=0)
            self.kept.add(self.mail.name)

    def bystander_unharmed(self):
        self.that(("probe", 0, 0) in self.locks(self.mail), "the lock in the other group is gone")
        self.healthy(self.mail)

    # what is left

    def leftovers(self):
        gone = [g.name for g in (self.home, self.mail) if g.name not in self.running]
        return self.server.run(LEFTOVERS % {"gone": " ".join(gone), "running": " ".join(self.running)}
                               ).out.splitlines()

    def nothing_left(self, group):
        """No process, namespace, pin or runtime directory of it; then no mount and no superblock."""
        left = self.leftovers()
        self.that(not left, "left after stop: %s", ", ".join(left))
        result = self.server.run("umount %s" % group.directory, check=False)
        self.that(result.rc == 0, result.out.strip())
        self.that(not self.is_alive(group), "%s is unmounted, but its superblock lives", group.device)
        # Each group's link makes its device promiscuous: a namespace that no process and no pin shows.
        self.until(lambda: self.promiscuity() == len(self.running), 5, "the link of the group is gone")

    def promiscuity(self):
        found = re.search(r"promiscuity (\d+)", self.shell("ip -d link show dev %s", NIC))
        return int(found.group(1))

    def is_alive(self, group):
        """Whether the group's filesystem is mounted in any mount namespace."""
        return self.server.run("[ -e /sys/fs/ext4/%s ]" % os.path.basename(group.device),
                               check=False).rc == 0

    # the server's facts

    def locks(self, group):
        """The kernel's table: {(file, first byte, last byte)} on the group's device."""
        table = self.server.run(["cat", "/proc/locks"]).out
        if group.name not in self.files:
            self.files[group.name] = self.look_up_files(group)
        (major, minor), names = self.files[group.name]
        held = proclocks.parse(table, major, minor)
        if any(h.inode not in names for h in held):
            self.files[group.name] = self.look_up_files(group)
            names = self.files[group.name][1]
        return {(names.get(h.inode, "inode %d" % h.inode), h.start, h.end) for h in held}

    def look_up_files(self, group):
        """((major, minor) of the device, {inode: name} of the files in the export)"""
        text = self.server.run("stat -c '%%t %%T' %s; ls -i %s" % (group.device, group.share)).out
        device, *files = text.splitlines()
        pairs = (line.split(None, 1) for line in files)
        return (tuple(int(word, 16) for word in device.split()),
                {int(inode): name for inode, name in pairs})

    def has_locks(self, group, holders, timeout_s=0.0):
        wanted = {holder.lock for holder in holders}
        found = [set()]

        def there():
            found[0] = self.locks(group)
            return wanted <= found[0]
        self.until(there, timeout_s, lambda: "locks of %s on the server, which has %s\n%s%s" % (
            ", ".join(sorted(name for name, _, _ in wanted - found[0])), sorted(found[0]),
            self.server.run("group-lockrecover list %s" % group.name, check=False).out,
            self.client.run("dmesg | tail -n 4").out))

    def status(self, group):
        """group-lockrecover status as {word: value}."""
        out = self.server.run("group-lockrecover status " + group.name, check=False).out
        facts = {"text": out}
        found = re.match(r"\w+: (\w+)", out)
        facts["phase"] = found.group(1) if found else None
        counts = re.search(r"^  clients: (.*)", out, re.M)
        for value, word in re.findall(r"(\d+) ([^,;]+)", counts.group(1) if counts else ""):
            facts[word] = int(value)
        found = re.search(r"NSM state (\d+)", out)
        facts["state"] = int(found.group(1)) if found else None
        return facts

    def listed(self, group):
        out = self.server.run("group-lockrecover list " + group.name).out
        rows = [line.rsplit(None, 3) for line in out.splitlines() if line]
        return {name.strip(): progress for name, _, _, progress in rows}

    def healthy(self, group):
        for name in ("nfsserver", "lockrecover"):
            self.expect(self.agent(name, "monitor", group), OCF_SUCCESS)

    def daemons(self, group):
        """{name: [pid, ...]} of the processes in the group's network namespace."""
        out = self.server.run("for p in $(ip netns pids %s); do read -r name </proc/$p/comm && "
                              "echo $p $name; done 2>/dev/null" % group.name, check=False).out
        found = {}
        for line in out.splitlines():
            pid, name = line.split(None, 1)
            found.setdefault(name, []).append(int(pid))
        return found

    def send(self, number, pid):
        self.server.run(["kill", "-%d" % number, str(pid)])

    def kill(self, pid):
        self.send(signal.SIGKILL, pid)

    def shell(self, text, *args):
        return self.server.run(text % tuple(shlex.quote(str(arg)) for arg in args) if args else text).out
