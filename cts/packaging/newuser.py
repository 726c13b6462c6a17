# SPDX-License-Identifier: GPL-2.0-or-later
"""README's chapters Install and Configure, typed on a fresh cluster: a group that moves, and survives a crash."""
import concurrent.futures
import os
import shutil
from xml.etree import ElementTree

from audits import proclocks
from lab import Cluster, Lab
from lab.cluster import ClusterTimeout
from nodetest.world import Failure
from scenarios import product

from . import packages
from .readme import Readme

README = os.path.join(product.ROOT, "README.md")
# What this reader has instead of what the text says; the second group's come on top.
VALUES = {"10.0.0.10": "10.99.0.101", "10.0.0.0/8": "10.99.0.0/24",
          "eth0": "vec0", "node2": "s2"}
SECOND = {"home": "mail", "10.99.0.101": "10.99.0.111",
          "| crm configure load update -": "--format pcs | sh -e"}
TYPED_TIMEOUT_S = 240
STARTED_TIMEOUT_S = 180
GRACE_TIMEOUT_S = 120


def run(_stage, built, say):
    with Lab(servers=2, clients=2, disks=2) as lab:
        for path in built.files(built.version):
            shutil.copy(path, lab.dir)
        NewUser(lab, built, say).run()


class NewUser:
    def __init__(self, lab, built, say):
        self.lab, self.built, self.say = lab, built, say
        self.readme = Readme(README, VALUES)
        self.readme.typed.add("build")  # built is what came of it
        self.s1, self.s2 = lab.servers
        self.c1, self.c2 = lab.clients
        self.cluster = Cluster(lab)

    def run(self):
        self.install()
        self.configure()
        self.configure_second()
        self.lock()
        self.move()
        self.crash()
        left = self.readme.untyped()
        self.that(not left, "blocks of README.md that nobody typed: %s", left)

    @staticmethod
    def that(condition, text, *args):
        if not condition:
            raise Failure(text % args if args else text)

    def type(self, node, name):
        """A block of README.md, as it is."""
        return self.shell(node, self.readme.script(name), name)

    def shell(self, node, script, name):
        result = node.run(["sh", "-ec", script], TYPED_TIMEOUT_S, check=False)
        self.that(result.rc == 0, "%s, \"sh %s\": exit status %s:\n%s\n%s", node, name, result.rc, script, result.out)
        return result.out

    def install(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(self.install_on, self.lab.servers))
        self.say("installed on both nodes")

    def install_on(self, node):
        packages.new_machine(node)
        # As LVM would name them.
        node.run("mkdir /dev/vg && ln -s ../ubda /dev/vg/home && ln -s ../ubdb /dev/vg/mail")
        node.run("cp /run/lab/*.deb /root")
        self.shell(node, "cd /root\n" + self.readme.script("install"), "install")
        found = packages.version(node, packages.NAMES[0])
        self.that(found == ("ii", self.built.version), "on %s the package is %s", node, found)

    def configure(self):
        self.type(self.s1, "disk")
        self.cluster.start()
        self.type(self.s1, "group")
        self.started("home")
        self.type(self.where("home"), "look")
        self.clean()
        self.say("group home, by crm, on %s" % self.where("home"))

    def configure_second(self):
        for name in ("disk", "group"):
            self.shell(self.s1, self.readme.adapt(self.readme.script(name), SECOND), name)
        self.started("mail")
        self.clean()
        self.say("group mail, by pcs, on %s" % self.where("mail"))

    def clean(self):
        """Neither Pacemaker nor we have anything against the configuration."""
        result = self.cluster.crm("crm_verify", "--live-check", "-V", check=False)
        self.that(result.rc == 0 and not result.out.strip(), "crm_verify: %s", result.out)
        for node in [node for node in self.lab.servers if node.alive]:
            result = node.run(["group-lockrecover", "verify"], check=False)
            self.that(result.rc == 0, "verify on %s: %s\n%s", node, result.rc, result.out)

    def started(self, group, node=None):
        def there():
            at = self.cluster.resource_started_on(group)
            failed = self.cluster.failures()
            self.that(not failed, "failed: %s", failed)
            return at is not None and (node is None or at == node.name)
        try:
            self.cluster.wait_for(there, STARTED_TIMEOUT_S, "%s started" % group)
        except ClusterTimeout as error:
            raise Failure("%s\n%s" % (error, self.cluster.status())) from None

    def where(self, group):
        return self.lab[self.cluster.resource_started_on(group)]

    def lock(self):
        self.type(self.c1, "lock")
        self.still_locked()
        out = self.type(self.where("home"), "list")
        self.that(self.c1.ip in out, "the client is not on the list: %s", out)

    def still_locked(self):
        """As the text says, and as the server's kernel has it."""
        out = self.type(self.c2, "try")
        self.that("taken" in out, "another client got the lock: %s", out)
        text = self.where("home").run("stat -c '%%t %%T' %s; cat /proc/locks" % self.lab.device("A")).out
        device, _, table = text.partition("\n")
        held = proclocks.parse(table, *(int(word, 16) for word in device.split()))
        self.that(len(held) == 1, "locks on the server: %s", held)

    def move(self):
        old = self.where("home")
        new = self.s2 if old is self.s1 else self.s1
        self.shell(old, self.readme.adapt(self.readme.script("move"), {"s2": new.name}), "move")
        self.started("home", new)
        self.recovered(new)
        self.type(new, "clear")
        self.say("moved to %s, lock kept" % new)

    def recovered(self, node):
        """Grace is over, every client was told and has answered, the lock is where it was."""
        self.type(node, "status")
        self.cluster.wait_for(lambda: self.facts(node).get("phase") == "serving", GRACE_TIMEOUT_S, "grace is over")
        clients = self.facts(node).find("clients")
        # The one that has the lock, and the one that asked for it.
        self.that(clients.get("acknowledged") == "2" and clients.get("missed") == "0", "clients: %s", clients.attrib)
        self.still_locked()

    @staticmethod
    def facts(node):
        out = node.run("group-lockrecover status --output-as=xml home").out
        return ElementTree.fromstring(out).find("group")

    def crash(self):
        old = self.where("home")
        new = self.s2 if old is self.s1 else self.s1
        self.shell(new, self.readme.adapt(self.readme.script("crash"), {"s2": old.name}), "crash")
        self.that(not old.alive, "%s still has power", old)
        self.started("home", new)
        self.recovered(new)
        self.clean()
        self.say("%s crashed, recovered on %s, lock kept" % (old, new))
