# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab with its cluster and groups, as all scenarios share it."""
import copy
import json
import os
import shutil
import subprocess
import sys
from xml.etree import ElementTree

from audits import proclocks
from lab import Cluster, Lab, ServiceGroup, prefer
from lab.cluster import failed_in, started_on

from . import product

CTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROBE = os.path.join(CTS, "audits", "graceprobe.py")
NODEFACTS = os.path.join(CTS, "audits", "nodefacts.py")
PROBE_FILE = "probe"
PROBE_PERIOD_MS = 50
GRACE_S, LEASE_S = 20, 10
# A monitor of the stock agents forks some twenty times, and a fork is slow under User Mode
# Linux: with the usual intervals four groups would keep a node busy with nothing else.
MONITOR_INTERVAL, MONITOR_TIMEOUT = "60s", "60s"
EXPORT_OPTIONS = "rw,no_root_squash,no_subtree_check"
CAPTURED = "(tcp or udp) and not udp port 5405"       # Corosync's
START_TIMEOUT_S = 180
REPLAYED = "recovery complete"


class Group:
    """A service group of the lab: its disk, addresses and place."""

    def __init__(self, number, name, letter, addresses):
        self.number, self.name, self.letter, self.addresses = number, name, letter, addresses
        self.resource = name            # what the cluster calls it
        self.directory = "/srv/" + name
        self.export = self.directory + "/share"     # beside the state directory, not above it
        self.device = Lab.device(letter)
        self.lockers = set()            # addresses of clients that ever locked over NFSv3
        self.grace_s, self.lease_s = GRACE_S, LEASE_S
        self.intervals = {}             # resource's suffix -> another interval of its monitor

    def service_group(self):
        return ServiceGroup(self.name, self.device, self.addresses, directory=self.directory,
                            exports="%s *(%s)" % (self.export, EXPORT_OPTIONS),
                            grace_s=self.grace_s, lease_s=self.lease_s)

    def xml(self):
        element = self.service_group().element()
        for resource in element.iterfind("primitive"):
            op = resource.find(".//op[@name='monitor']")
            suffix = resource.get("id").rpartition("-")[2]
            op.set("interval", self.intervals.get(suffix, MONITOR_INTERVAL))
            op.set("timeout", MONITOR_TIMEOUT)
        return ElementTree.tostring(element, encoding="unicode")


GROUPS = (Group(0, "home", "A", ["10.99.0.101", "10.99.0.102"]),
          Group(1, "mail", "B", ["10.99.0.111"]),
          Group(2, "build", "C", ["10.99.0.121"]),
          Group(3, "spare", "D", ["10.99.0.131"]))


class Bench:
    """Use as a context manager.

    groups      names of the groups the scenarios need
    say         takes a line for the person who waits
    failures    folder for what is needed to understand a failure
    """

    def __init__(self, stage, locker, servers, groups, say, failures):
        self.groups = {group.name: copy.deepcopy(group) for group in GROUPS if group.name in groups}
        self.lab = Lab(servers=servers, clients=3, stage=stage, disks=len(GROUPS) + 1)
        self.locker, self.say, self.failures = locker, say, failures
        self.cluster, self.properties = None, {}
        self.probes = {}                # group name -> (process, path)
        self.counter = 0

    def __enter__(self):
        self.lab.__enter__()
        try:
            self.up()
        except BaseException:
            self.save("start")
            self.lab.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.stop_probes()
        self.lab.__exit__(None, None, None)

    def up(self):
        for program in product.PROGRAMS:
            shutil.copy(os.path.join(os.path.dirname(self.locker), program), self.lab.dir)
        self.say("lab: %d servers, %d clients booted" % (len(self.lab.servers),
                                                        len(self.lab.clients)))
        if self.groups:
            self.start_cluster()

    def start_cluster(self):
        # Until all nodes are there: who comes first would take every group.
        self.cluster = Cluster(self.lab, dict(self.properties, **{"stop-all-resources": "true"}))
        for node in self.lab.servers:
            self.make_directories(node)
        for group in self.groups.values():
            self.prepare_disk(group, self.lab.servers[0])
        groups, places = self.groups.values(), self.first_places()
        self.cluster.start(*self.configuration(places))
        self.cluster.crm("crm_attribute", "--type", "crm_config", "--name", "stop-all-resources",
                         "--update", "false")
        # Nodes that all died have nothing but what they are given again.
        self.cluster.cib = self.cluster.cib.replace('name="stop-all-resources" value="true"',
                                                    'name="stop-all-resources" value="false"')
        for group in groups:
            self.wait_started(group, lambda node, at=places[group.name].name: node == at)
        self.say("cluster: %s" % ", ".join("%s on %s" % (g.name, places[g.name]) for g in groups))

    def first_places(self):
        first, second = self.lab.servers[:2]
        return {"home": first, "mail": second, "build": self.lab.servers[-1], "spare": second}

    def configuration(self, places):
        """(resources, constraints) as XML; places: where each group is to start."""
        return ("".join(group.xml() for group in self.groups.values()),
                "".join(prefer(g.resource, places[g.name].name) for g in self.groups.values()))

    def make_directories(self, node):
        node.run(["mkdir", "-p", "/srv"] + [g.directory for g in self.groups.values()])

    @staticmethod
    def prepare_disk(group, node):
        """A folder to export, beside the one for the group's state."""
        node.run("mkdir -p %s && mount %s %s && mkdir %s && umount %s" % (
            group.directory, group.device, group.directory, group.export, group.directory))

    # where things are

    def where(self, group):
        name = self.cluster.resource_started_on(group.resource)
        if name is None:
            raise RuntimeError("%s runs nowhere\n%s" % (group.name, self.cluster.status()))
        return self.lab[name]

    def wait_started(self, group, on):
        """Until on(node name) is true of where the group runs; a failed action ends the wait."""
        def arrived():
            root = self.cluster.crm_mon_xml()
            if root is None:
                return False
            node = started_on(root, group.resource)
            if node is not None and on(node):
                return True
            failed = [f for f in failed_in(root) if f[0].startswith(group.resource + "-")]
            if failed:
                raise RuntimeError("failed: %s" % failed)
            return False
        self.cluster.wait_for(arrived, START_TIMEOUT_S, group.name + " elsewhere")

    def place(self, group, node):
        """A planned move, before anybody's locks are looked at."""
        if self.where(group) is node:
            return
        self.say("placing %s on %s" % (group.name, node))
        self.move(group, node)

    def move(self, group, node):
        self.cluster.move(group.resource, node.name)
        self.wait_started(group, lambda name: name == node.name)
        self.cluster.clear(group.resource)

    def apart(self, group, other):
        """Makes two groups live on different nodes; the second one moves if need be."""
        here = self.where(group)
        if self.where(other) is here:
            self.place(other, next(n for n in self.lab.servers if n is not here and n.alive))

    def power_cut(self, node):
        self.say("power cut: %s" % node)
        return node.kill()

    def rejoin(self, node):
        if node.alive:
            return
        node.boot()
        self.make_directories(node)
        self.cluster.start_node(node)
        self.cluster.wait_online([node.name], START_TIMEOUT_S)
        self.say("%s is back" % node)

    # watching

    def capture(self):
        self.counter += 1
        return self.lab.capture("takeover%d.pcap" % self.counter, CAPTURED)

    def watch_grace(self, group):
        """From now on, ask the group's lock manager from the lab's bridge."""
        if group.name in self.probes:
            return
        path = os.path.join(self.lab.dir, "probe." + group.name)
        argv = [sys.executable, PROBE, group.addresses[0], group.export, PROBE_FILE,
                str(PROBE_PERIOD_MS)]
        with open(path, "w") as out, open(path + ".err", "w") as err:
            process = subprocess.Popen(self.lab.network.inside(argv), stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=err, start_new_session=True)
        self.lab.record.add_group(process.pid)
        self.probes[group.name] = (process, path)

    def answers(self, group):
        """All answers of the group's lock manager to the probe so far."""
        process, path = self.probes[group.name]
        if process.poll() is not None:
            with open(path + ".err") as f:
                raise RuntimeError("probe of %s ended: %s" % (group.name, f.read()))
        with open(path) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def stop_probes(self):
        for process, _ in self.probes.values():
            process.terminate()
            process.wait()
        self.probes = {}

    def locks(self, group, names):
        """The server's table of locks on these files: {(name, first byte, last byte)}."""
        node = self.where(group)
        text = node.run("stat -c '%%t %%T' %s; cd %s && stat -c '%%i %%n' *; echo --; cat /proc/locks"
                        % (group.device, group.export)).out
        head, _, table = text.partition("--\n")
        device, *files = head.splitlines()
        major, minor = (int(word, 16) for word in device.split())
        inodes = {int(line.split()[0]): line.split(None, 1)[1] for line in files}
        held = [h for h in proclocks.parse(table, major, minor) if inodes.get(h.inode) in names]
        return {(inodes[h.inode], h.start, h.end) for h in held}

    def replays(self, group):
        """{node name: journal replays of the group's disk its kernel has reported}."""
        device = os.path.basename(group.device)
        return {node.name: node.run("dmesg").out.count("(%s): %s" % (device, REPLAYED))
                for node in self.lab.servers if node.alive}

    def remains(self, group, node):
        """What the group left on a node it went away from."""
        return json.loads(node.run(["python3", "-IS", "/host" + NODEFACTS, group.name,
                                    group.device]).out)

    def save(self, name):
        """Keeps what is needed to understand a failure."""
        target = os.path.join(self.failures, name)
        self.lab.save(target)
        self.say("logs, histories and packets are kept in " + target)
