# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's groups out of the stock agents: what ours is compared with. README.md says what was chosen, and why."""
import os
from xml.etree import ElementTree

from lab import ServiceGroup, cibxml

from . import bench

SERVICE = "/etc/init.d/nfs-server"
CALLOUT = "/etc/statd-callout"
STATD = "/var/lib/nfs/statd"
RECORDS = ".clumanager/statd/sm"        # in each export, with the pull request
PROVIDER = "pr943"
HEARTBEAT = "/usr/lib/ocf/resource.d/heartbeat/"

# Resource-agents' pull request 943, in the agent that is installed: copies of the clients' records are made
# anew each time, the records beside the export are merged, and lockd's grace begins before the first message.
CHANGES = (("cp -rpfn $src/sm", "cp -rpf $src/sm"),
           ('\tstatd_backup="$STATD_PATH/nfsnotify.bu"\n',
            '\tcp -Rdpf "$OCF_RESKEY_records"/* $STATD_PATH/sm\n'
            '\tstatd_backup="$STATD_PATH/nfsnotify.bu"\n'),
           ('\tif [ -z "$OCF_RESKEY_source_host" ]; then\n',
            '\tpkill -KILL -x lockd\n\tis_renotify=0\n'
            '\tif [ -z "$OCF_RESKEY_source_host" ]; then\n'))

# nfs-server.service, nfs-mountd.service and nfsdcld.service, for nodes without systemd: Debian's own
# nfs-kernel-server script starts no nfsdcld and takes a server without /etc/exports for one to leave alone.
SERVICE_TEXT = """#!/bin/sh
case $1 in
start)
	mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
	pidof nfsdcld >/dev/null || nfsdcld
	exportfs -r
	pidof rpc.mountd >/dev/null || rpc.mountd
	exec rpc.nfsd ;;
stop)
	rpc.nfsd 0
	exportfs -au
	exportfs -f
	for daemon in rpc.mountd nfsdcld; do
		i=0
		while pid=$(pidof $daemon) && [ $i -lt 50 ]; do kill "$pid"; sleep 0.1; i=$((i + 1)); done
	done ;;
status)
	read -r threads </proc/fs/nfsd/threads || exit 3
	[ "$threads" -gt 0 ] || exit 3 ;;
esac 2>/dev/null
"""

CALLOUT_TEXT = """#!/bin/sh
[ "$1" = add-client ] || exit 0
for records in /srv/*/share/%s; do
	cp -p %s/sm/* "$records"/ && sync -f "$records"
done
""" % (RECORDS, STATD)

CONFIGURATION = """[nfsd]
grace-time={grace}
lease-time={lease}
[statd]
state-directory-path={statd}
no-notify=1
"""
ALONE_GRACE_S = 60

# The lab's /var/lib/nfs is a mount of its own, which the agent would take for the group's.
NODE_SETUP = """umount /var/lib/nfs
mkdir -p {statd}/sm {statd}/sm.bak /var/lib/nfs/nfsdcld
chown -R statd {statd}
modprobe lockd
echo {grace} >/proc/sys/fs/nfs/nlm_grace_period
printf '{hosts}' >>/etc/hosts
rpcbind -w
"""


def add_agents(root):
    """The changed agent, as part of the software that the nodes have installed."""
    with open(HEARTBEAT + "nfsnotify") as f:
        text = f.read()
    for old, new in CHANGES:
        if text.count(old) != 1:
            raise RuntimeError("%snfsnotify is not the one that this was written for" % HEARTBEAT)
        text = text.replace(old, new)
    folder = root + HEARTBEAT.replace("heartbeat", PROVIDER)
    os.makedirs(folder)
    with open(folder + "nfsnotify", "w") as f:
        f.write(text)
    os.chmod(folder + "nfsnotify", 0o755)


class Resources(ServiceGroup):
    """A group of stock agents; `alone`: with the server in it, else the server is a clone."""

    def __init__(self, group, alone):
        super().__init__(group.resource, group.device, group.addresses, directory=group.directory)
        self.group, self.alone = group, alone

    def resources(self):
        group = self.group
        yield "fs", "ocf:heartbeat:Filesystem", {
            "device": self.device, "directory": self.directory, "fstype": self.fstype}
        if self.alone:
            yield "nfs", "ocf:heartbeat:nfsserver", dict(
                server(), nfs_shared_infodir=group.infodir, nfs_server_scope=group.name)
        yield "export", "ocf:heartbeat:exportfs", {
            "clientspec": "*", "directory": group.export, "fsid": group.number + 1,
            "options": bench.EXPORT_OPTIONS, "rmtab_backup": "none",
            "wait_for_leasetime_on_stop": "false" if self.alone else "true"}
        for i, address in enumerate(self.addresses):
            yield "ip" + (str(i + 1) if i else ""), "ocf:heartbeat:IPaddr2", {
                "ip": address, "cidr_netmask": "24", "nic": self.nic}
        addresses = ",".join(self.addresses)
        if self.alone:
            yield "notify", "ocf:heartbeat:nfsnotify", {"source_host": addresses}
        else:
            yield "notify", "ocf:%s:nfsnotify" % PROVIDER, {
                "source_host": addresses, "records": group.export + "/" + RECORDS}


def server():
    return {"nfs_init_script": SERVICE, "rpcpipefs_dir": "/run/rpc_pipefs", "nfs_no_notify": "true"}


class Group(bench.Group):
    """One of the lab's groups; `alone`: it is the only one of the cluster."""

    def __init__(self, group, alone):
        super().__init__(group.number, group.name, group.letter, group.addresses)
        self.alone = alone
        self.infodir = self.directory + "/nfsinfo"

    def service_group(self):
        return Resources(self, self.alone)


class StockBench(bench.Bench):
    """One group: as Pacemaker's documentation has it. More: with resource-agents' pull request 943."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.alone = len(self.groups) == 1
        self.grace_s = ALONE_GRACE_S if self.alone else bench.GRACE_S
        self.groups = {name: Group(group, self.alone) for name, group in self.groups.items()}

    def make_directories(self, node):
        super().make_directories(node)
        callout = "" if self.alone else "ha-callout=%s\n" % CALLOUT
        values = {"statd": STATD, "grace": self.grace_s, "lease": bench.LEASE_S}
        node.write_file("/etc/nfs.conf.d/cluster.conf", CONFIGURATION.format(**values) + callout)
        node.write_file(SERVICE, SERVICE_TEXT, 0o755)
        node.write_file(CALLOUT, CALLOUT_TEXT, 0o755)
        hosts = "".join("%s\\t%s-%d\\n" % (address, group.name, i) for group in self.groups.values()
                        for i, address in enumerate(group.addresses))
        node.run(NODE_SETUP.format(hosts=hosts, **values))

    def prepare_disk(self, group, node):
        """Also the folders whose owner must be statd's user, which the agents leave to the administrator."""
        folder = group.infodir + "/statd" if self.alone else group.export + "/.clumanager/statd"
        node.run("mkdir -p {0} && mount {1} {0} && mkdir -p {2} {3}/sm {3}/sm.bak && chown -R statd {3} && umount {0}"
                 .format(group.directory, group.device, group.export, folder))

    def configuration(self, places):
        resources, constraints = super().configuration(places)
        if self.alone:
            return resources, constraints
        clone = ElementTree.Element("clone", id="nfs-clone")
        clone.append(cibxml.primitive("nfs", "ocf:heartbeat:nfsserver", server(),
                                      {"monitor": (bench.MONITOR_INTERVAL, bench.MONITOR_TIMEOUT)}))
        cibxml.nvpairs(clone, "meta_attributes", "nfs-clone", {"interleave": "true"})
        for name in (group.resource for group in self.groups.values()):
            constraints += ('<rsc_order id="nfs-then-{0}" first="nfs-clone" then="{0}"/>'
                            '<rsc_colocation id="{0}-with-nfs" rsc="{0}" with-rsc="nfs-clone" score="INFINITY"/>'
                            .format(name))
        return cibxml.text(clone) + resources, constraints
