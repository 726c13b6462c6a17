# SPDX-License-Identifier: GPL-2.0-or-later
"""Install, upgrade under load, refuse to go, remove and purge, on one server with one client."""
import os
import shutil

from audits import history
from lab import Lab
from nodetest.world import DISK_SIZE, OCF_NOT_RUNNING, OCF_SUCCESS, World

from . import packages

VERSIONS = ("3", "4.2")
LOCKER = "/run/lab/locker"
CHURN = ("0", "65536", "5", "25")       # bytes from 0; 5 ms held, 25 ms pause
LONGEST_WAIT_MS = 3000                  # dpkg has the node's one processor too; a grace period is 10 s
# dpkg's own accounts, the machine's caches, and the user, who stays.
KEPT = ("/lib/dpkg/", "/log/", "/cache/", "/ld.so.cache", "/.pwd.lock", "passwd", "group", "shadow", "/subuid",
        "/subgid")


def run(stage, built, say):
    with Lab(servers=1, clients=1, disks=3, disk_size=DISK_SIZE) as lab:
        shutil.copy(stage.locker, lab.dir + "/locker")
        for version in (built.version, built.later):
            for path in built.files(version):
                shutil.copy(path, lab.dir)
        Life(World(lab, False), built, say).run()


class Life:
    def __init__(self, world, built, say):
        self.world, self.node, self.built, self.say = world, world.server, built, say
        self.that, self.churners = world.that, []

    def run(self):
        self.install()
        self.serve()
        self.upgrade()
        self.monitor_restarts()
        self.refuses_to_go()
        self.stop()
        self.remove()
        self.purge()

    def dpkg(self, *words, check=True):
        return self.node.run(["dpkg", *words], packages.INSTALL_TIMEOUT_S, check)

    def archives(self, version):
        return ["/run/lab/" + os.path.basename(path) for path in self.built.files(version)]

    def installed(self, version):
        for name in packages.NAMES:
            state, found = packages.version(self.node, name)
            # What somebody tried to remove is "ri".
            self.that((state or "")[1:2] == "i" and found == version, "%s is %s %s, not installed in version %s",
                      name, state, found, version)

    def install(self):
        node = self.node
        packages.new_machine(node)
        self.before = set(packages.changed_files(node))
        self.that(node.run("id " + packages.USER, check=False).rc != 0, "the user was there before")
        self.dpkg("-i", *self.archives(self.built.version))
        self.installed(self.built.version)
        node.run("id %s && dpkg --verify %s" % (packages.USER, " ".join(packages.NAMES)))
        self.say("installed %s" % self.built.version)

    def serve(self):
        """A group from the packaged files, locks that stay, and locks that come and go."""
        world, home = self.world, self.world.home
        world.expect(world.agent("device", "start", home), OCF_SUCCESS)
        world.serve(home)
        self.holders = [world.hold(home, version) for version in VERSIONS]
        for version in VERSIONS:
            path = "%s/churn.v%s" % (world.client_mount(home, version), version)
            self.churners.append(world.client.spawn([LOCKER, "churn", path, *CHURN]))
        world.until(lambda: all('"granted"' in c.output() for c in self.churners), 30, "churn")
        world.has_locks(home, self.holders)

    def events(self):
        return [event for churner in self.churners for event in history.parse(churner.output())]

    def unharmed(self):
        """Nobody has met an error or waited long; who holds still holds."""
        events = self.events()
        wrong = [e for e in events if e["kind"] not in ("granted", "released")]
        self.that(not wrong, "the client met: %s", wrong[:3])
        longest = max(e["wait_ms"] for e in events)
        self.that(longest < LONGEST_WAIT_MS, "a lock took %.0f ms", longest)
        self.world.has_locks(self.world.home, self.holders)
        for holder in self.holders:
            held = list(history.parse(holder.handle.output()))
            self.that({e["kind"] for e in held} <= {"granted", "verified"}, "a holder met: %s", held[-3:])
        self.world.healthy(self.world.home)
        return "%d locks, the longest in %.0f ms" % (sum(e["kind"] == "granted" for e in events), longest)

    def upgrade(self):
        world = self.world
        before, epoch = world.daemons(world.home), world.status(world.home)["state"]
        self.dpkg("-i", *self.archives(self.built.later))
        self.installed(self.built.later)
        said = self.unharmed()
        self.that(world.daemons(world.home) == before, "daemons: %s, before %s", world.daemons(world.home), before)
        self.that(world.status(world.home)["state"] == epoch, "the NSM state changed")
        self.say("upgraded to %s while the group served: %s" % (self.built.later, said))

    def monitor_restarts(self):
        """The later version's program under the earlier version's supervisor."""
        world = self.world
        old, = world.daemons(world.home)["glr-statd"]
        world.kill(old)
        world.until(lambda: world.daemons(world.home).get("glr-statd", [old]) != [old], 10, "a new status monitor")
        world.granted(world.home, within_s=10)
        self.unharmed()

    def refuses_to_go(self):
        for words in (["-r", "group-lockrecover"], ["-P", "group-lockrecover"]):
            result = self.dpkg(*words, check=False)
            self.that(result.rc != 0 and "started on this node: home" in result.out, "dpkg %s: %s", words, result.out)
            self.installed(self.built.later)
        self.say("not removed while the group serves: " + self.unharmed())

    def stop(self):
        world = self.world
        for churner in self.churners:
            churner.stop()
        world.settle_client()
        world.stop(world.home)
        world.unmount(world.home)
        result = self.dpkg("-r", "group-lockrecover", check=False)
        self.that(result.rc != 0, "removed while the group's device is guarded: %s", result.out)
        world.expect(world.agent("device", "stop", world.home), OCF_SUCCESS)
        world.expect(world.agent("nfsserver", "monitor", world.home), OCF_NOT_RUNNING)

    def remove(self):
        self.dpkg("-r", *packages.NAMES)
        left = self.node.run("ls -d /run/glr /usr/lib/ocf/resource.d/glr /usr/libexec/group-lockrecover 2>/dev/null",
                             check=False).out.split()
        self.that(not left, "left after removal: %s", left)

    def purge(self):
        self.dpkg("-P", *packages.NAMES)
        for name in packages.NAMES:
            found = packages.version(self.node, name)[0]
            self.that(found in (None, "un"), "%s is %s after purge", name, found)
        left = [path for path in packages.changed_files(self.node)
                if path not in self.before and not any(word in path for word in KEPT)]
        self.that(not left, "left after purge: %s", left)
        self.node.run("id " + packages.USER)
        self.world.mount(self.world.home)
        self.node.run("test -s %s/clients.0" % self.world.home.state_dir)
        self.world.unmount(self.world.home)
        self.say("removed and purged: the user and the client list stay, nothing else")
