# SPDX-License-Identifier: GPL-2.0-or-later
"""NFSv3 clients made of nothing but lock requests: each address on the lab's bridge is one."""
import ctypes
import os
import socket
import struct
import threading
import time
from collections import namedtuple

from audits import graceprobe, rpc
from lab import host
from lab.network import BRIDGE

CLONE_NEWNET = 0x40000000
NLM_UNLOCK = 4
RESEND_S = 1.0
FIRST_ADDRESS = 120                     # 10.99.0.120 and up
CROWD = "10.98"
PROBE_PAUSE_S = 0.02

Answer = namedtuple("Answer", "status wait_s")


class NoAnswer(Exception):
    pass


def crowd(network, count):
    """Addresses beyond the bridge, for clients of a group whose gateway is the bridge's own address."""
    host.ip("route", "replace", "local", CROWD + ".0.0/16", "dev", "lo", netns=network.name)
    return ["%s.%d.%d" % (CROWD, i // 250, i % 250 + 1) for i in range(count)]


def inside(netns, function, *args):
    """Calls it in a thread in the network namespace: its sockets stay there wherever they are used."""
    result = []

    def run():
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open("/run/netns/" + netns, os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns " + netns)
            result.append((function(*args), None))
        except Exception as error:
            result.append((None, error))
        finally:
            os.close(fd)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = result[0]
    if error:
        raise error
    return value


def privileged_socket(address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in range(1000, 600, -1):
        try:
            sock.bind((address, port))
            return sock
        except PermissionError:
            raise
        except OSError:
            continue
    raise OSError("no privileged port left")


class LockClient:
    """A client that the server has not seen before."""

    number = FIRST_ADDRESS

    def __init__(self, network, address=None):
        """address   one of crowd()'s; without it, a new one on the bridge"""
        self.address = address or "10.99.0.%d" % LockClient.number
        if not address:
            LockClient.number += 1
            host.ip("addr", "add", self.address + "/24", "dev", BRIDGE, netns=network.name)
        self.sock = inside(network.name, privileged_socket, self.address)
        self.xid = int(time.time() * 1000) & 0x7FFFFFFF

    def close(self):
        self.sock.close()

    def ask(self, server, port, prog, vers, proc, body, timeout_s):
        """Sends until it is answered, the same call each time."""
        self.xid += 1
        data = graceprobe.call(self.xid, prog, vers, proc, body)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                self.sock.sendto(data, (server, port))
            except OSError:
                pass                    # nobody there just now
            answer = self.answer(min(deadline, time.monotonic() + RESEND_S))
            if answer is not None:
                return answer
        raise NoAnswer("%s: no answer of program %d in %g s" % (self.address, prog, timeout_s))

    def answer(self, until):
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self.sock.settimeout(left)
            try:
                reply = rpc.parse(self.sock.recv(4096))
            except (OSError, rpc.NotRpc):
                continue
            if isinstance(reply, rpc.Reply) and reply.xid == self.xid and reply.body is not None:
                return reply.body

    def lock_manager(self, server, timeout_s):
        body = graceprobe.port_query(rpc.NLM, 4, graceprobe.IPPROTO_UDP)
        return rpc.Reader(self.ask(server, graceprobe.PORTMAP_PORT, rpc.PORTMAP, 2, rpc.GETPORT,
                                   body, timeout_s)).uint()

    def range(self, handle, start):
        return (rpc.opaque(self.address) + rpc.opaque(handle) + rpc.opaque(self.address) +
                struct.pack("!IQQ", 1, start, 1))

    def lock(self, server, handle, start=0, timeout_s=20, port=None):
        """One byte, exclusive, without waiting for who has it."""
        begin = time.monotonic()
        port = port or self.lock_manager(server, timeout_s)
        body = (rpc.opaque(b"lock") + struct.pack("!II", 0, 1) + self.range(handle, start) +
                struct.pack("!II", 0, 0))
        status = rpc.nlm_status(self.ask(server, port, rpc.NLM, 4, rpc.NLM_LOCK, body, timeout_s))
        return Answer(status, time.monotonic() - begin)

    def unlock(self, server, handle, start=0, timeout_s=20, port=None):
        begin = time.monotonic()
        port = port or self.lock_manager(server, timeout_s)
        body = rpc.opaque(b"unlock") + self.range(handle, start)
        status = rpc.nlm_status(self.ask(server, port, rpc.NLM, 4, NLM_UNLOCK, body, timeout_s))
        return Answer(status, time.monotonic() - begin)


class Probe:
    """Asks for a lock again and again, in a thread; knows the longest wait. Use as a context manager."""

    def __init__(self, client, server, handle):
        self.client, self.server, self.handle = client, server, handle
        self.start = int(client.address.split(".")[3])
        self.port = client.lock_manager(server, 5)
        self.longest_s, self.ended = 0.0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.wait(PROBE_PAUSE_S):
            began = time.monotonic()
            try:
                self.client.lock(self.server, self.handle, self.start, 30, self.port)
            except NoAnswer:
                pass
            self.longest_s = max(self.longest_s, time.monotonic() - began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        time.sleep(0.3)                 # what waits now is answered, or its wait is counted
        self.ended.set()
        self.thread.join()
