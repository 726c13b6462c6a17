# SPDX-License-Identifier: GPL-2.0-or-later
"""The client node, and clients that are only an address: the half of World that asks for locks."""
from audits import graceprobe

from .nlm import LockClient, Probe, inside

RANGE = 4096


class Holder:
    """A process on the client node that holds one lock."""

    def __init__(self, handle, name, start):
        self.handle, self.name = handle, name
        self.lock = (name, start, start + RANGE - 1)

    def has_it(self):
        return '"granted"' in self.handle.output()

    def stop(self):
        self.handle.stop()


class Clients:
    def __init__(self, lab):
        self.lab = lab
        self.client_boots = self.client_used = False
        self.holders = []
        self.mounted = set()            # names of groups the client node has mounted
        self.handles = {}               # (group name, file name) -> file handle

    @property
    def client(self):
        if self.client_boots:
            self.client_boots = False
            self.lab["c1"].wait_up()
            self.forget_neighbours()
        return self.lab["c1"]

    def forget_neighbours(self):
        """What the agent's announcement does: a group that starts has a new hardware address."""
        if not self.client_boots:
            self.lab["c1"].run("ip neigh flush dev vec0")

    def new_client(self):
        """Reboots the client node, while the test goes on until it needs it."""
        self.client.kill()
        self.lab["c1"].boot(wait=False)
        self.client_boots, self.client_used = True, False
        self.holders, self.mounted = [], set()

    def settle_client(self):
        """A client whose server went away first would wait minutes before it asks again."""
        if not self.mounted:
            return
        if self.mounted <= self.running:
            for holder in self.holders:
                holder.stop()
            self.client.run("for at in $(findmnt -rno TARGET -t nfs,nfs4); do umount $at; done")
            self.holders, self.mounted = [], set()
        else:
            self.new_client()

    def mount_point(self, group, version, second=False):
        return "/mnt/%s.v%s%s" % (group.name, version, ".second" if second else "")

    def client_mount(self, group, version, second=False):
        """A second mount is another client's view: it shares nothing with the first."""
        at = self.mount_point(group, version, second)
        options = "vers=%s,hard%s" % (version, ",nosharecache" if second else "")
        self.mounted.add(group.name)
        self.client_used = True
        self.client.run("mountpoint -q {0} || {{ mkdir -p {0} && mount -t nfs -o {1} {2}:{3} {0}; }}"
                        .format(at, options, group.address, group.share))
        return at

    def hold(self, group, version, name=None):
        """The client node takes a lock over this version and keeps it."""
        holder = self.ask_for(group, version, name)
        self.until(holder.has_it, 40, lambda: "NFSv%s lock: %s" % (version, holder.handle.output()))
        return holder

    def ask_for(self, group, version, name=None):
        at = self.client_mount(group, version)
        name, start = name or "held.v" + version, 1 << 20
        handle = self.client.spawn(["/run/lab/locker", "hold", "%s/%s" % (at, name), str(start),
                                    str(RANGE)])
        holder = Holder(handle, name, start)
        self.holders.append(holder)
        return holder

    def denied_to_others(self, group, version):
        """Who shares nothing with the holder asks the server and is refused."""
        at = self.client_mount(group, version, second=True)
        result = self.client.run(["/run/lab/locker", "getlk", "%s/held.v%s" % (at, version),
                                  str(1 << 20), str(RANGE)], check=False)
        self.that('"taken"' in result.out, "NFSv%s: another may have the lock: %s", version, result.out)

    def file_handle(self, group, name="probe"):
        """Of a file in the export, as NFSv3 clients know it; it outlives the server."""
        key = (group.name, name)
        if key not in self.handles:
            self.server.run("touch %s/%s" % (group.share, name))
            self.handles[key] = inside(self.lab.network.name, graceprobe.file_handle, group.address,
                                       group.share, name)
        return self.handles[key]

    def lock_client(self, address=None):
        return LockClient(self.lab.network, address)

    def probe(self, group):
        """How long a lock takes in the group meanwhile."""
        client = self.lock_client()
        self.granted(group, client)
        return Probe(client, group.address, self.file_handle(group))

    def new_lock(self, group, client=None, start=None, timeout_s=20):
        """A lock of a client that the group has not seen; returns the answer."""
        client = client or self.lock_client()
        start = int(client.address.split(".")[3]) if start is None else start
        return client.lock(group.address, self.file_handle(group), start, timeout_s)

    def granted(self, group, client=None, start=None, timeout_s=20, within_s=None):
        answer = self.new_lock(group, client, start, timeout_s)
        self.that(answer.status == "granted", "a new lock in %s: %s", group.name, answer.status)
        self.that(within_s is None or answer.wait_s <= within_s, "a new lock in %s took %.1f s",
                  group.name, answer.wait_s)
        return answer
