# SPDX-License-Identifier: GPL-2.0-or-later
"""Sun RPC (RFC 5531) and the few procedures of NSM, NLM and NFSv4 that locks need."""
import struct
from collections import namedtuple

PORTMAP, NFS, MOUNT, NLM, NSM = 100000, 100003, 100005, 100021, 100024
GETPORT = 3                     # GETADDR in versions 3 and 4
SM_NOTIFY = 6
NLM_TEST, NLM_LOCK, NLM_GRANTED = 1, 2, 5
NFS4_COMPOUND = 1
OP_ACCESS, OP_GETATTR, OP_GETFH, OP_LOCK, OP_LOOKUP, OP_OPEN = 3, 9, 10, 12, 15, 18
OP_PUTFH, OP_PUTROOTFH, OP_RESTOREFH, OP_SAVEFH, OP_SEQUENCE = 22, 24, 31, 32, 53
CLAIM_PREVIOUS = 1

NLM_STATUS = {0: "granted", 1: "denied", 2: "nolocks", 3: "blocked", 4: "grace", 5: "deadlock"}
NFS4_STATUS = {0: "granted", 10008: "delay", 10010: "denied", 10013: "grace", 10033: "no grace",
               10034: "bad reclaim", 10035: "reclaim conflict"}

Call = namedtuple("Call", "xid prog vers proc body")
Reply = namedtuple("Reply", "xid body")         # body is None where the call was not accepted
Notification = namedtuple("Notification", "name state")
LockRequest = namedtuple("LockRequest", "what start length reclaim")


class NotRpc(Exception):
    pass


class Reader:
    """XDR, read from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        size = struct.calcsize(form)
        if self.at + size > len(self.data):
            raise NotRpc("short")
        values = struct.unpack_from(form, self.data, self.at)
        self.at += size
        return values[0]

    def uint(self):
        return self.take("!I")

    def uhyper(self):
        return self.take("!Q")

    def fixed(self, size):
        if self.at + size > len(self.data):
            raise NotRpc("short")
        value = self.data[self.at:self.at + size]
        self.at += (size + 3) & ~3
        return value

    def opaque(self):
        return self.fixed(self.uint())

    def text(self):
        return self.opaque().decode("ascii", "replace")

    def rest(self):
        return self.data[self.at:]


def opaque(data):
    """XDR bytes of a variable-length opaque or a string."""
    if isinstance(data, str):
        data = data.encode()
    return struct.pack("!I", len(data)) + data + b"\0" * (-len(data) % 4)


def parse(data):
    """A Call or a Reply; NotRpc for anything else."""
    reader = Reader(data)
    xid, kind = reader.uint(), reader.uint()
    if kind == 0:
        if reader.uint() != 2:
            raise NotRpc("version")
        prog, vers, proc = reader.uint(), reader.uint(), reader.uint()
        for _ in ("credential", "verifier"):
            reader.uint()
            reader.opaque()
        return Call(xid, prog, vers, proc, reader.rest())
    if kind == 1:
        if reader.uint() != 0:              # denied
            return Reply(xid, None)
        reader.uint()
        reader.opaque()
        return Reply(xid, reader.rest() if reader.uint() == 0 else None)
    raise NotRpc("neither call nor reply")


def parse_notify(body):
    reader = Reader(body)
    return Notification(reader.text(), reader.uint())


def parse_nlm_lock(body):
    """Arguments of NLMPROC4_LOCK."""
    reader = Reader(body)
    reader.opaque()                         # cookie
    reader.uint()                           # block
    start, length = nlm_range(reader)
    return LockRequest("lock", start, length, bool(reader.uint()))


def parse_nlm_granted(body):
    """Arguments of NLMPROC4_GRANTED, the server's call back to who waited."""
    reader = Reader(body)
    reader.opaque()
    return LockRequest("lock", *nlm_range(reader), False)


def nlm_range(reader):
    reader.uint()                           # exclusive
    for _ in ("caller", "file handle", "owner"):
        reader.opaque()
    reader.uint()                           # svid
    return reader.uhyper(), reader.uhyper()


def nlm_status(body):
    reader = Reader(body)
    reader.opaque()
    value = reader.uint()
    return NLM_STATUS.get(value, "error %d" % value)


def nfs4_status(body):
    """Of a compound, which is that of its last operation done."""
    value = Reader(body).uint()
    return NFS4_STATUS.get(value, "error %d" % value)


def parse_compound(body):
    """The LOCK, or the OPEN that reclaims, in an NFSv4 compound; None where there is none."""
    reader = Reader(body)
    reader.opaque()                         # tag
    reader.uint()                           # minor version
    for _ in range(reader.uint()):
        op = reader.uint()
        if op == OP_SEQUENCE:
            reader.fixed(32)
        elif op == OP_LOCK:
            reader.uint()                   # type
            reclaim = bool(reader.uint())
            return LockRequest("lock", reader.uhyper(), reader.uhyper(), reclaim)
        elif op == OP_OPEN:
            return parse_open(reader)
        elif op in (OP_PUTFH, OP_LOOKUP):
            reader.opaque()
        elif op == OP_ACCESS:
            reader.uint()
        elif op == OP_GETATTR:
            reader.fixed(4 * reader.uint())
        elif op not in (OP_GETFH, OP_PUTROOTFH, OP_RESTOREFH, OP_SAVEFH):
            return None
    return None


def parse_open(reader):
    for _ in ("seqid", "access", "deny"):
        reader.uint()
    reader.uhyper()                         # client id
    reader.opaque()                         # owner
    if reader.uint() != 0:                  # it creates, so it reclaims nothing
        return None
    if reader.uint() != CLAIM_PREVIOUS:
        return None
    return LockRequest("open", 0, 0, True)
