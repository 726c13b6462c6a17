#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks a group's lock manager, again and again, whether it is in grace.

    graceprobe.py ADDRESS EXPORT FILE [PERIOD_MS]

It sends NLM_TEST for FILE over UDP: in grace the answer is "denied, grace
period", whichever of lockd and nfsd is still in it. A test leaves nothing
behind: the server monitors only who asks for a lock. Prints {"t_asked", "t",
"status"} per answer until SIGTERM or its parent's end.
"""
import json
import os
import random
import select
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from audits import rpc  # noqa: E402

PORTMAP_PORT = 111
NFS_PORT = 2049
MOUNT_MNT, NFS3_LOOKUP = 1, 3
IPPROTO_TCP, IPPROTO_UDP = 6, 17
TIMEOUT_S = 10
SILENCE_S = 0.2
FAR_AWAY = 1 << 60          # bytes nobody locks


def call(xid, prog, vers, proc, body):
    credential = struct.pack("!I", 0) + rpc.opaque("probe") + struct.pack("!III", 0, 0, 0)
    return (struct.pack("!IIIIII", xid, 0, 2, prog, vers, proc) +
            struct.pack("!I", 1) + rpc.opaque(credential) + struct.pack("!II", 0, 0) + body)


def ask_tcp(address, port, prog, vers, proc, body):
    """One call over a connection of its own; returns the reply's body."""
    message = call(1, prog, vers, proc, body)
    with privileged(socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect((address, port))
        sock.sendall(struct.pack("!I", 0x80000000 | len(message)) + message)
        stream = sock.makefile("rb")
        data, last = b"", 0
        while not last:
            mark, = struct.unpack("!I", stream.read(4))
            last = mark & 0x80000000
            data += stream.read(mark & 0x7FFFFFFF)
    reply = rpc.parse(data)
    if reply.body is None:
        raise rpc.NotRpc("program %d refused" % prog)
    return reply.body


def privileged(kind):
    """A socket with a port servers trust; the kernel has no way to ask for just any of them."""
    for port in random.sample(range(600, 1000), 400):
        sock = socket.socket(socket.AF_INET, kind)
        try:
            sock.bind(("", port))
            return sock
        except OSError:
            sock.close()
    raise OSError("no privileged port left")


def port_query(prog, vers, proto):
    return struct.pack("!IIII", prog, vers, proto, 0)


def file_handle(address, export, name):
    """The NFSv3 handle of a file in the export's root."""
    port = rpc.Reader(ask_tcp(address, PORTMAP_PORT, rpc.PORTMAP, 2, rpc.GETPORT,
                              port_query(rpc.MOUNT, 3, IPPROTO_TCP))).uint()
    answer = rpc.Reader(ask_tcp(address, port, rpc.MOUNT, 3, MOUNT_MNT, rpc.opaque(export)))
    if answer.uint():
        raise OSError("cannot mount %s" % export)
    answer = rpc.Reader(ask_tcp(address, NFS_PORT, rpc.NFS, 3, NFS3_LOOKUP,
                                rpc.opaque(answer.opaque()) + rpc.opaque(name)))
    if answer.uint():
        raise OSError("no file " + name)
    return answer.opaque()


def test_arguments(handle):
    return (rpc.opaque(b"grace") + struct.pack("!I", 1) + rpc.opaque("probe") +
            rpc.opaque(handle) + rpc.opaque(b"probe") + struct.pack("!IQQ", 1, FAR_AWAY, 1))


class Probe:
    def __init__(self, address, handle):
        self.address, self.arguments = address, test_arguments(handle)
        self.sock = privileged(socket.SOCK_DGRAM)
        self.port, self.asked = None, {}        # asked: xid -> time
        self.xid = int(time.time()) & 0x7FFFFFFF
        self.heard = 0

    def send(self):
        self.xid += 1
        if self.port is None or time.monotonic() - self.heard > SILENCE_S:
            # Another node's lock manager has another port.
            self.transmit(PORTMAP_PORT, call(self.xid, rpc.PORTMAP, 2, rpc.GETPORT,
                                             port_query(rpc.NLM, 4, IPPROTO_UDP)))
            self.xid += 1
        if self.port:
            self.asked[self.xid] = time.time()
            self.transmit(self.port, call(self.xid, rpc.NLM, 4, rpc.NLM_TEST, self.arguments))

    def transmit(self, port, data):
        try:
            self.sock.sendto(data, (self.address, port))
        except OSError:
            pass                    # nobody there just now

    def receive(self):
        try:
            data, (_, port) = self.sock.recvfrom(4096)
            reply = rpc.parse(data)
        except (OSError, rpc.NotRpc):
            return
        if reply.body is None:
            return
        if port == PORTMAP_PORT:
            self.port = rpc.Reader(reply.body).uint() or self.port
            return
        self.heard = time.monotonic()
        asked = self.asked.pop(reply.xid, None)
        if asked:
            print(json.dumps({"t_asked": asked, "t": time.time(),
                              "status": rpc.nlm_status(reply.body)}), flush=True)

    def run(self, period_s):
        due, parent = time.monotonic(), os.getppid()
        while os.getppid() == parent:
            left = due - time.monotonic()
            if left <= 0:
                self.send()
                due = max(due + period_s, time.monotonic())
                continue
            if select.select([self.sock], [], [], left)[0]:
                self.receive()


def main():
    address, export, name = sys.argv[1:4]
    period_ms = float(sys.argv[4]) if len(sys.argv) > 4 else 50
    Probe(address, file_handle(address, export, name)).run(period_ms / 1000)


if __name__ == "__main__":
    main()
