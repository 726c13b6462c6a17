# SPDX-License-Identifier: GPL-2.0-or-later
"""The capture's reader against captures made here, byte by byte."""
import os
import struct
import tempfile
import unittest

from audits import pcap, rpc
from audits.trace import Trace

CLIENT, SERVER, OTHER = "10.0.0.11", "10.0.0.101", "10.0.0.12"


def raw(address):
    return bytes(int(part) for part in address.split("."))


def frame(proto, src, dst, segment):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, proto, 0, raw(src),
                     raw(dst))
    return bytes(12) + struct.pack("!H", 0x0800) + ip + segment


def udp(src, sport, dst, dport, data):
    return frame(17, src, dst, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)


def tcp(src, sport, dst, dport, seq, data, flags=0x18):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, 0, 0x50, flags, 0, 0, 0)
    return frame(6, src, dst, head + data)


def record(data):
    return struct.pack("!I", 0x80000000 | len(data)) + data


def call(xid, prog, vers, proc, body):
    return struct.pack("!IIIIIIIIII", xid, 0, 2, prog, vers, proc, 0, 0, 0, 0) + body


def reply(xid, body):
    return struct.pack("!IIIIII", xid, 1, 0, 0, 0, 0) + body


def nlm_lock(start, length, reclaim):
    return (rpc.opaque(b"cook") + struct.pack("!II", 1, 1) + rpc.opaque("c1") + rpc.opaque(b"h" * 28) +
            rpc.opaque(b"owner") + struct.pack("!IQQII", 1, start, length, reclaim, 3))


def compound_lock(start, length, reclaim):
    return (rpc.opaque("") + struct.pack("!II", 2, 3) + struct.pack("!I", rpc.OP_SEQUENCE) + bytes(32) +
            struct.pack("!I", rpc.OP_PUTFH) + rpc.opaque(b"f" * 20) +
            struct.pack("!IIIQQ", rpc.OP_LOCK, 2, reclaim, start, length) + bytes(40))


class Captured(unittest.TestCase):
    def trace(self, frames):
        """Frames are a second apart, from 1000 on."""
        with tempfile.NamedTemporaryFile(suffix=".pcap", delete=False) as f:
            self.addCleanup(os.unlink, f.name)
            f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for i, data in enumerate(frames):
                f.write(struct.pack("<IIII", 1000 + i, 0, len(data), len(data)) + data)
        return Trace(f.name)


class Notifications(Captured):
    def sent(self, xid=7):
        body = rpc.opaque(SERVER) + struct.pack("!I", 5)
        return udp(SERVER, 700, CLIENT, 40000, call(xid, rpc.NSM, 1, rpc.SM_NOTIFY, body))

    def test_name_and_acknowledgement(self):
        trace = self.trace([self.sent(), udp(CLIENT, 40000, SERVER, 700, reply(7, b""))])
        notify, = trace.notified(0, 2000)
        self.assertEqual((notify.source, notify.client, notify.name, notify.state, notify.t_ack),
                         (SERVER, CLIENT, SERVER, 5, 1001))

    def test_answer_of_another_call_is_no_acknowledgement(self):
        trace = self.trace([self.sent(), udp(CLIENT, 40000, SERVER, 700, reply(8, b"")),
                            udp(OTHER, 40000, SERVER, 700, reply(7, b""))])
        self.assertIsNone(trace.notifies[0].t_ack)

    def test_same_numbers_of_another_program_are_none(self):
        trace = self.trace([udp(SERVER, 700, CLIENT, 40000, call(1, 100003, 1, 6, bytes(16)))])
        self.assertEqual(trace.notifies, [])

    def test_span_of_time(self):
        trace = self.trace([self.sent(), self.sent(8)])
        self.assertEqual(len(trace.notified(1000.5, 2000)), 1)

    def test_query_for_the_status_monitor(self):
        body = struct.pack("!IIII", rpc.NSM, 1, 17, 0)
        other = struct.pack("!IIII", rpc.NLM, 4, 17, 0)
        trace = self.trace([udp(SERVER, 700, CLIENT, 111, call(1, rpc.PORTMAP, 2, 3, body)),
                            udp(SERVER, 700, OTHER, 111, call(2, rpc.PORTMAP, 2, 3, other))])
        self.assertEqual([q.client for q in trace.port_queries], [CLIENT])


class Locks(Captured):
    def exchange(self, request, answer):
        """A call and its reply on one TCP connection."""
        return [tcp(CLIENT, 900, SERVER, 2049, 99, b"", 2),
                tcp(CLIENT, 900, SERVER, 2049, 100, record(request)),
                tcp(SERVER, 2049, CLIENT, 900, 500, record(answer))]

    def nlm(self, reclaim, status):
        return self.exchange(call(3, rpc.NLM, 4, 2, nlm_lock(4096, 64, reclaim)),
                             reply(3, rpc.opaque(b"cook") + struct.pack("!I", status)))

    def test_nlm_reclaim(self):
        trace = self.trace(self.nlm(1, 0))
        lock, = trace.reclaims([SERVER], 0, 2000)
        self.assertEqual((lock.client, lock.start, lock.length, lock.t), (CLIENT, 4096, 64, 1002))
        self.assertEqual(trace.new_grants([SERVER], 0, 2000), [])

    def test_nlm_new_lock(self):
        trace = self.trace(self.nlm(0, 0))
        self.assertEqual(len(trace.new_grants([SERVER], 0, 2000)), 1)
        self.assertEqual(trace.new_grants([OTHER], 0, 2000), [])

    def test_refused_in_grace_is_no_grant(self):
        trace = self.trace(self.nlm(0, 4))
        self.assertEqual(trace.locks[0].status, "grace")
        self.assertEqual(trace.new_grants([SERVER], 0, 2000), [])

    def test_answer_captured_before_its_call(self):
        opening, request, answer = self.nlm(1, 0)
        self.assertEqual(len(self.trace([opening, answer, request]).reclaims([SERVER], 0, 2000)), 1)
        much_later = [opening, answer, opening, opening, request]
        self.assertEqual(self.trace(much_later).locks, [])

    def test_nfs4(self):
        for reclaim, status, granted in ((1, 0, 1), (1, 10033, 0)):
            answer = reply(3, struct.pack("!I", status))
            request = call(3, rpc.NFS, 4, 1, compound_lock(8192, 16, reclaim))
            trace = self.trace(self.exchange(request, answer))
            self.assertEqual(len(trace.reclaims([SERVER], 0, 2000)), granted)
            self.assertEqual((trace.locks[0].start, trace.locks[0].protocol), (8192, "nfs4"))

    def test_split_repeated_and_joined_segments(self):
        data = b"".join(record(call(xid, rpc.NLM, 4, 2, nlm_lock(start, 1, 1)))
                        for xid, start in ((3, 0), (4, 8)))
        seq = 0xFFFFFFF0                # wraps around in the middle
        frames = [tcp(CLIENT, 900, SERVER, 4045, seq - 1, b"", 2),
                  tcp(CLIENT, 900, SERVER, 4045, seq, data[:50]),
                  tcp(CLIENT, 900, SERVER, 4045, seq, data[:50]),
                  tcp(CLIENT, 900, SERVER, 4045, seq + 50, data[50:])]
        granted = [record(reply(xid, rpc.opaque(b"") + struct.pack("!I", 0))) for xid in (3, 4)]
        frames.append(tcp(SERVER, 4045, CLIENT, 900, 1, granted[0] + granted[1]))
        self.assertEqual([lock.start for lock in self.trace(frames).locks], [0, 8])

    def test_goes_on_after_a_hole(self):
        lost, seen = (record(call(x, rpc.NLM, 4, 2, nlm_lock(x, 1, 1))) for x in (3, 4))
        frames = [tcp(CLIENT, 900, SERVER, 4045, 100, lost[:60]),
                  tcp(CLIENT, 900, SERVER, 4045, 100 + len(lost), seen),
                  tcp(SERVER, 4045, CLIENT, 900, 1, record(reply(4, rpc.opaque(b"") + bytes(4))))]
        self.assertEqual([lock.start for lock in self.trace(frames).locks], [4])


class Damage(unittest.TestCase):
    def test_not_a_capture(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"x" * 100)
            f.flush()
            self.assertRaises(pcap.BadCapture, list, pcap.frames(f.name))

    def test_short_messages(self):
        whole = call(3, rpc.NLM, 4, 2, b"")
        for size in range(len(whole)):
            self.assertRaises(rpc.NotRpc, rpc.parse, whole[:size])


if __name__ == "__main__":
    unittest.main()
