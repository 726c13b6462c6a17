# SPDX-License-Identifier: GPL-2.0-or-later
"""Packet captures: from libpcap files to whole RPC messages over UDP and TCP."""
import ipaddress
import struct
from collections import namedtuple

ETHERNET = 1
ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_VLAN = 0x0800, 0x86DD, 0x8100
TCP, UDP = 6, 17
SYN = 2
LAST_FRAGMENT = 0x80000000
RPC_CALL, RPC_REPLY = 0, 1
LARGEST_RECORD = 4 << 20

Packet = namedtuple("Packet", "t proto src sport dst dport seq flags payload")
Message = namedtuple("Message", "t proto src sport dst dport data")


class BadCapture(Exception):
    pass


def frames(path):
    """(seconds since 1970, link-layer frame) of each packet; a torn last one is left out."""
    with open(path, "rb") as f:
        head = f.read(24)
        for order in "<>":
            magic = struct.unpack(order + "I", head[:4])[0] if len(head) == 24 else 0
            if magic in (0xA1B2C3D4, 0xA1B23C4D):
                break
        else:
            raise BadCapture("%s: not a libpcap file" % path)
        if struct.unpack(order + "I", head[20:24])[0] & 0xFFFF != ETHERNET:
            raise BadCapture("%s: not Ethernet" % path)
        unit = 1e-9 if magic == 0xA1B23C4D else 1e-6
        while True:
            record = f.read(16)
            if len(record) < 16:
                return
            seconds, fraction, kept, _ = struct.unpack(order + "IIII", record)
            frame = f.read(kept)
            if len(frame) < kept:
                return
            yield seconds + fraction * unit, frame


def packets(path):
    """TCP and UDP packets; other traffic and later fragments are passed over."""
    for t, frame in frames(path):
        try:
            packet = parse_frame(t, frame)
        except (struct.error, IndexError):
            continue
        if packet:
            yield packet


def parse_frame(t, frame):
    kind, at = struct.unpack_from("!H", frame, 12)[0], 14
    if kind == ETHERTYPE_VLAN:
        kind, at = struct.unpack_from("!H", frame, 16)[0], 18
    if kind == ETHERTYPE_IPV4:
        size, _, fragment, _, proto = struct.unpack_from("!HHHBB", frame, at + 2)
        if fragment & 0x1FFF:
            return None
        header = (frame[at] & 15) * 4
        # A segment handed down whole to the network card may say length 0.
        end = at + size if size else len(frame)
        src, dst = frame[at + 12:at + 16], frame[at + 16:at + 20]
    elif kind == ETHERTYPE_IPV6:
        size, proto = struct.unpack_from("!HB", frame, at + 4)
        header, end = 40, at + 40 + size if size else len(frame)
        src, dst = frame[at + 8:at + 24], frame[at + 24:at + 40]
    else:
        return None
    return parse_transport(t, proto, address(src), address(dst), frame[at + header:end])


def address(raw):
    if len(raw) == 4:
        return "%d.%d.%d.%d" % tuple(raw)
    return str(ipaddress.ip_address(raw))


def parse_transport(t, proto, src, dst, data):
    sport, dport = struct.unpack_from("!HH", data)
    if proto == UDP:
        return Packet(t, "udp", src, sport, dst, dport, 0, 0, data[8:])
    if proto == TCP:
        seq, = struct.unpack_from("!I", data, 4)
        offset = (data[12] >> 4) * 4
        return Packet(t, "tcp", src, sport, dst, dport, seq, data[13], data[offset:])
    return None


class Stream:
    """One direction of a TCP connection, cut into RPC records."""

    def __init__(self):
        self.next_seq, self.buffer = None, b""

    def receive(self, packet):
        """Yields the records this packet completes."""
        if packet.flags & SYN:
            self.next_seq, self.buffer = (packet.seq + 1) & 0xFFFFFFFF, b""
            return
        data = packet.payload
        if not data:
            return
        if self.next_seq is not None:
            ahead = (packet.seq - self.next_seq + (1 << 31)) % (1 << 32) - (1 << 31)
            if ahead < 0:                   # sent again
                data = data[-ahead:]
                if not data:
                    return
            elif ahead > 0:                 # the capture lost something
                self.buffer = b""
        self.next_seq = (packet.seq + len(packet.payload)) & 0xFFFFFFFF
        if not self.buffer and not starts_record(data):
            return
        self.buffer += data
        yield from self.records()

    def records(self):
        while len(self.buffer) >= 4:
            record, at = b"", 0
            while True:
                if len(self.buffer) < at + 4:
                    return
                mark, = struct.unpack_from("!I", self.buffer, at)
                size = mark & ~LAST_FRAGMENT
                if size > LARGEST_RECORD:
                    self.buffer = b""       # out of step; the next good start counts
                    return
                if len(self.buffer) < at + 4 + size:
                    return
                record += self.buffer[at + 4:at + 4 + size]
                at += 4 + size
                if mark & LAST_FRAGMENT:
                    break
            self.buffer = self.buffer[at:]
            yield record


def starts_record(data):
    """Whether a record of RPC can begin here: where a capture joins in the middle."""
    if len(data) < 12:
        return len(data) >= 4 and bool(data[0] & 0x80)
    mark, _, kind = struct.unpack_from("!III", data)
    return (mark & ~LAST_FRAGMENT) <= LARGEST_RECORD and kind in (RPC_CALL, RPC_REPLY)


def messages(path):
    """Every RPC message, stamped with the time its last byte was seen."""
    streams = {}
    for packet in packets(path):
        where = packet.src, packet.sport, packet.dst, packet.dport
        if packet.proto == "udp":
            yield Message(packet.t, "udp", *where, packet.payload)
            continue
        stream = streams.setdefault(where, Stream())
        for record in stream.receive(packet):
            yield Message(packet.t, "tcp", *where, record)
