# SPDX-License-Identifier: GPL-2.0-or-later
"""Corosync and Pacemaker on the lab's server nodes, with fencing on."""
import concurrent.futures
import time
from xml.etree import ElementTree as ET

from . import cibxml, pcmklog
from .channel import NodeGone
from .node import CommandFailed, CommandTimeout

QUIET_S = 5.0
LOOK_S = 0.05
TOKEN_MS = 500
PACEMAKER_LOG = "/run/pacemaker.log"
CIB_FILE = "/var/lib/pacemaker/cib/cib.xml"

COROSYNC_CONF = """totem {
	version: 2
	cluster_name: lab
	transport: udpu
	token: %(token)d
	crypto_cipher: none
	crypto_hash: none
}
nodelist {
%(nodes)s}
quorum {
	provider: corosync_votequorum
%(two_node)s}
logging {
	to_stderr: yes
	to_syslog: no
	to_logfile: no
	timestamp: hires
}
"""
COROSYNC_NODE = "\tnode {\n\t\tring0_addr: %s\n\t\tname: %s\n\t\tnodeid: %d\n\t}\n"


class ClusterTimeout(Exception):
    pass


class Cluster:
    """properties: of Pacemaker, over those of cibxml.py; fence_delays: see cibxml.fencing."""

    def __init__(self, lab, properties=None, fence_delays=None):
        self.lab, self.properties, self.fence_delays = lab, properties, fence_delays
        self.nodes = lab.servers
        self.daemons = {}               # node name -> handles
        self.cib = None

    # coming up

    def start(self, resources_xml="", constraints_xml="", wait=True, timeout=60):
        """Start on all servers with this configuration (strings of elements, fencing is added)."""
        self.cib = cibxml.cib([n.name for n in self.nodes], resources_xml, constraints_xml,
                              self.properties, self.fence_delays)
        with concurrent.futures.ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(self.start_node, self.nodes))
        if wait:
            self.wait_online([n.name for n in self.nodes], timeout)

    def start_node(self, node):
        """Also for a node that was booted again: it gets its configuration from the others."""
        node = self.lab.nodes[str(node)]
        node.write_file("/etc/corosync/corosync.conf", self.corosync_conf())
        node.write_file(CIB_FILE, self.cib, 0o600)
        node.run("rm -f /var/lib/pacemaker/cib/*.sig /var/lib/pacemaker/cib/cib-*; "
                 "chown -R hacluster:haclient /var/lib/pacemaker; "
                 "mkdir -p /var/log/cluster /run/crm; chown hacluster:haclient /run/crm")
        log = "%s/%s." % (self.lab.dir, node.name)
        # Pacemaker's own lines reach the host before a power cut can eat them.
        node.run("install -o hacluster -g haclient -m 660 /dev/null " + PACEMAKER_LOG)
        tail = node.spawn(["tail", "-n", "+1", "-f", PACEMAKER_LOG], self.log(node))
        corosync = node.spawn(["corosync", "-f"], log + "corosync.log")
        node.run("i=0; until corosync-cfgtool -s || [ $i -ge 50 ]; do i=$((i+1)); sleep 0.2; done")
        pacemaker = self.start_pacemaker(node)
        self.daemons[node.name] = (corosync, pacemaker, tail)

    def start_pacemaker(self, node):
        """Pacemaker alone; it finds daemons and resources that run already."""
        handle = node.spawn(["pacemakerd", "-f"], "%s/%s.pacemakerd.out" % (self.lab.dir, node.name),
                            {"PCMK_logfile": PACEMAKER_LOG})
        # A node has one processor and its kernel does not preempt: without this, agents (shell
        # scripts that fork by the dozen) would keep nfsd and lockd off it, as on no real host.
        node.run("i=0; until p=$(pidof pacemaker-execd) || [ $i -ge 100 ]; do i=$((i+1)); sleep 0.1; "
                 "done; renice -n 10 -p $p")
        return handle

    @staticmethod
    def stop_pacemaker(node, timeout=60):
        """Pacemaker alone, in order; returns when it is gone."""
        node.run("kill $(pidof pacemakerd); while pidof pacemakerd; do sleep 0.2; done", timeout)

    def corosync_conf(self):
        nodes = "".join(COROSYNC_NODE % (n.ip, n.name, i + 1) for i, n in enumerate(self.nodes))
        # Without wait_for_all a node that boots alone would fence its healthy peer.
        two_node = "\ttwo_node: 1\n\twait_for_all: 1\n" if len(self.nodes) == 2 else ""
        return COROSYNC_CONF % {"token": TOKEN_MS, "nodes": nodes, "two_node": two_node}

    def log(self, node):
        """Pacemaker's log of a node, on the host, live, and there after the node is not."""
        return "%s/%s.pacemaker.log" % (self.lab.dir, node)

    # asking

    def any_node(self, avoid=()):
        """A server that is up: the one to run cluster commands on."""
        for node in self.nodes:
            if node.alive and node.name in self.daemons and node.name not in avoid:
                return node
        raise RuntimeError("no server node is up")

    def crm_mon_xml(self):
        """What `crm_mon` sees, as an ElementTree element; None while no cluster answers."""
        try:
            result = self.any_node().run(["crm_mon", "--one-shot", "--output-as=xml"],
                                         timeout=20, check=False)
        except (NodeGone, CommandTimeout):
            return None
        try:
            return ET.fromstring(result.out) if result.rc == 0 else None
        except ET.ParseError:
            return None

    def status(self):
        """What crm_mon prints for people."""
        return self.any_node().run(["crm_mon", "--one-shot", "--inactive", "--failcounts"],
                                   check=False).out

    def online(self):
        """Names of the nodes that are members and ready."""
        root = self.crm_mon_xml()
        if root is None:
            return set()
        return {n.get("name") for n in root.findall("./nodes/node")
                if n.get("online") == "true" and n.get("pending") == "false"}

    def resource_started_on(self, resource):
        """Node where the resource (of a group: every member) is started, else None."""
        root = self.crm_mon_xml()
        return None if root is None else started_on(root, resource)

    def failures(self):
        """Failed actions as (resource, node, task, rc, reason)."""
        root = self.crm_mon_xml()
        return [] if root is None else failed_in(root)

    def operations(self):
        """Every resource action on every node, with its times: see pcmklog.Operation."""
        found = [op for n in self.nodes for op in pcmklog.operations(self.log(n))]
        return sorted(found, key=lambda op: op.begin)

    # waiting

    def wait_for(self, condition, timeout, what):
        """Ask for condition() when the cluster came to rest, or logged nothing for QUIET_S; returns the seconds.

        Asking takes processor time from the actions waited for. The times in operations() are exact.
        """
        watch = pcmklog.Watch([self.log(n) for n in self.nodes])
        begin = asked = time.monotonic()
        while not condition():
            asked = time.monotonic()
            if asked - begin > timeout:
                raise ClusterTimeout("%s: not within %gs" % (what, timeout))
            while not watch.came_to_rest() and time.monotonic() < min(max(asked, watch.grew) + QUIET_S,
                                                                      begin + timeout):
                time.sleep(LOOK_S)
        return time.monotonic() - begin

    def wait_online(self, nodes, timeout=60):
        names = {str(n) for n in nodes}
        return self.wait_for(lambda: names <= self.online(), timeout,
                             "online: " + " ".join(sorted(names)))

    def wait_idle(self, timeout=60):
        """Until nothing is left to do: no pending action, nothing to be moved."""
        self.crm("crm_resource", "--wait", "--timeout", "%ds" % timeout, timeout=timeout + 20)

    def wait_resource(self, resource, node, timeout=60):
        """Until the resource (or all of a group) runs on that node; returns the seconds."""
        try:
            return self.wait_for(lambda: self.resource_started_on(resource) == str(node), timeout,
                                 "%s on %s" % (resource, node))
        except ClusterTimeout as error:
            raise ClusterTimeout("%s\n%s" % (error, self.status())) from None

    def wait_stopped(self, resource, timeout=60):
        return self.wait_for(lambda: self.is_stopped(resource), timeout, resource + " stopped")

    def is_stopped(self, resource):
        root = self.crm_mon_xml()
        return root is not None and all(r.get("role") == "Stopped" for r in members(root, resource))

    # acting

    def crm(self, *argv, timeout=60, check=True):
        """Run one of Pacemaker's tools on a server that is up."""
        return self.any_node().run(list(argv), timeout, check)

    def move(self, resource, node):
        """Begin a planned move; see wait_resource, and clear() afterwards."""
        self.crm("crm_resource", "--move", "--resource", resource, "--node", str(node))

    def clear(self, resource):
        self.crm("crm_resource", "--clear", "--resource", resource)

    def cleanup(self, resource=None):
        self.crm("crm_resource", "--cleanup", *(["--resource", resource] if resource else []))

    def set_role(self, resource, role):
        """role: "Stopped" or "Started"."""
        self.crm("crm_resource", "--meta", "--resource", resource, "--set-parameter", "target-role",
                 "--parameter-value", role)

    def standby(self, node, on=True):
        self.crm("crm_attribute", "--node", str(node), "--name", "standby",
                 "--update", "on" if on else "off")

    def add(self, section, xml):
        """Add elements to the running configuration: section resources, constraints ..."""
        try:
            self.crm("cibadmin", "--create", "--scope", section, "--xml-text", xml)
        except CommandFailed as error:
            raise RuntimeError("cluster refuses: " + error.result.out) from None


def members(root, resource):
    """The crm_mon elements of a primitive, or of all members of a group."""
    group = root.find("./resources/group[@id='%s']" % resource)
    if group is not None:
        return group.findall("resource")
    return root.findall(".//resource[@id='%s']" % resource)


def failed_in(root):
    return [(f.get("op_key"), f.get("node"), f.get("task"), f.get("exitstatus"), f.get("exitreason"))
            for f in root.findall("./failures/failure")]


def started_on(root, resource):
    nodes = set()
    for element in members(root, resource):
        node = element.find("node")
        if element.get("role") != "Started" or node is None or element.get("failed") == "true":
            return None
        nodes.add(node.get("name"))
    return nodes.pop() if len(nodes) == 1 else None
