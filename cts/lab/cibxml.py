# SPDX-License-Identifier: GPL-2.0-or-later
"""The cluster's configuration as XML, from Python data."""
import subprocess
from xml.etree import ElementTree as ET

# What makes a small cluster quick without making it unsafe.
PROPERTIES = {
    "stonith-enabled": "true",
    "stonith-timeout": "30s",
    "dc-deadtime": "2s",            # else the first election takes 20 s
    "election-timeout": "5s",
    "load-threshold": "100000%",    # else a small machine is held to one job at a time
    "node-action-limit": "16",
}
RESOURCE_DEFAULTS = {"resource-stickiness": "100"}
OPERATIONS = {"start": ("0", "60s"), "stop": ("0", "60s"), "monitor": ("10s", "60s")}


def nvpairs(parent, tag, prefix, values):
    if not values:
        return
    block = ET.SubElement(parent, tag, id="%s-%s" % (prefix, tag))
    for name, value in values.items():
        ET.SubElement(block, "nvpair", id="%s-%s" % (block.get("id"), name), name=name,
                      value=str(value))


def primitive(identifier, agent, params=None, operations=None, meta=None):
    """`agent` as Pacemaker's tools write it: class:type or class:provider:type."""
    parts = agent.split(":")
    words = {"id": identifier, "class": parts[0], "type": parts[-1]}
    if len(parts) == 3:
        words["provider"] = parts[1]
    element = ET.Element("primitive", words)
    nvpairs(element, "meta_attributes", identifier, meta)
    nvpairs(element, "instance_attributes", identifier, params)
    block = ET.SubElement(element, "operations")
    for name, (interval, timeout) in dict(OPERATIONS, **(operations or {})).items():
        ET.SubElement(block, "op", id="%s-%s-%s" % (identifier, name, interval), name=name,
                      interval=interval, timeout=timeout)
    return element


def text(element):
    return ET.tostring(element, encoding="unicode")


class ServiceGroup:
    """A service group of the product: its resources are NAME-device, -fs, -nfs, -ip, -lock.

    addresses   one or more; the second one's resource is NAME-ip2
    exports     lines as in exports(5); default: the directory, to everybody
    params      {"nfs": {"link": "veth"}, ...}: parameters to add to a resource, or,
                with the value None, to leave out
    stub        stand-ins instead of the product's agents, to try the lab itself
    """

    def __init__(self, name, device, addresses, directory=None, exports=None, fstype="ext4",
                 nic="vec0", link="macvlan", grace_s=20, lease_s=10, params=None, stub=False):
        self.name, self.device, self.fstype = name, device, fstype
        self.addresses = [addresses] if isinstance(addresses, str) else list(addresses)
        self.directory = directory or "/srv/" + name
        self.exports = exports or self.directory + " *(rw,no_root_squash,no_subtree_check,insecure)"
        self.nic, self.link, self.grace_s, self.lease_s = nic, link, grace_s, lease_s
        self.params, self.stub = params or {}, stub

    def resources(self):
        """(suffix, agent, parameters) in the order of starting."""
        yield "device", "ocf:glr:device", {"device": self.device}
        yield "fs", "ocf:heartbeat:Filesystem", {
            "device": self.device, "directory": self.directory, "fstype": self.fstype}
        yield "nfs", "ocf:glr:nfsserver", {
            "group": self.name, "directory": self.directory, "nic": self.nic, "link": self.link,
            "exports": self.exports}
        for i, address in enumerate(self.addresses):
            yield "ip" + (str(i + 1) if i else ""), "ocf:glr:IPaddr2", {
                "group": self.name, "ip": address, "cidr_netmask": "24"}
        yield "lock", "ocf:glr:lockrecover", {
            "group": self.name, "grace_s": self.grace_s, "lease_s": self.lease_s}

    def element(self):
        group = ET.Element("group", id=self.name)
        for suffix, agent, params in self.resources():
            if self.stub and ":glr:" in agent:
                agent, params = "ocf:pacemaker:Dummy", {}
            params.update(self.params.get(suffix, {}))
            params = {k: v for k, v in params.items() if v is not None}
            group.append(primitive("%s-%s" % (self.name, suffix), agent, params))
        return group

    def xml(self):
        return text(self.element())


def prefer(resource, node, score=50):
    """Constraint: where the resource is to be when nothing speaks against it."""
    identifier = "%s-prefers-%s" % (resource, node)
    return text(ET.Element("rsc_location", id=identifier, rsc=resource, node=node,
                           score=str(score)))


def fencing(nodes, delays):
    """One fence_uml per node, never run by the node it is to kill: (resources, constraints).

    delays   {node: "2s"}: this much later, so that it wins when two nodes shoot at each other
    """
    resources, constraints = [], []
    for node in nodes:
        identifier = "fence-" + node
        resources.append(primitive(
            identifier, "stonith:fence_uml",
            dict({"pcmk_host_list": node, "pcmk_host_check": "static-list"},
                 **({"pcmk_delay_base": delays[node]} if node in delays else {})),
            {"monitor": ("60s", "30s")}))
        constraints.append(ET.Element("rsc_location", id=identifier + "-elsewhere", rsc=identifier,
                                      node=node, score="-INFINITY"))
    return resources, constraints


def empty_cib():
    """The header this version of Pacemaker would write: a newer feature set it would refuse."""
    result = subprocess.run(["cibadmin", "--empty"], check=True, stdout=subprocess.PIPE, text=True)
    return ET.fromstring(result.stdout)


def cib(nodes, resources_xml="", constraints_xml="", properties=None, delays=None):
    """The whole configuration, to be put in place before Pacemaker's first start."""
    root = empty_cib()
    root.set("epoch", "1")
    config = root.find("configuration")
    nvpairs(config.find("crm_config"), "cluster_property_set", "lab",
            dict(PROPERTIES, **(properties or {})))
    resources, constraints = fencing(nodes, delays or {})
    for section, own, given in (("resources", resources, resources_xml),
                                ("constraints", constraints, constraints_xml)):
        parent = config.find(section)
        parent.extend(own)
        parent.extend(ET.fromstring("<x>%s</x>" % given))
    defaults = ET.SubElement(config, "rsc_defaults")
    nvpairs(defaults, "meta_attributes", "lab-defaults", RESOURCE_DEFAULTS)
    return text(root)
