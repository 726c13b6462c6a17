# SPDX-License-Identifier: GPL-2.0-or-later
"""What a packet capture shows of notifications and locks."""
from collections import namedtuple

from . import pcap, rpc

# One SM_NOTIFY as sent; t_ack is None while nobody has answered it.
Notify = namedtuple("Notify", "t source client name state t_ack")
# A bridge shows a frame when it has handed it on: an answer can be captured before its call.
EARLY_S = 1.0

# Who asks a client where its status monitor listens.
PortQuery = namedtuple("PortQuery", "t source client")
# A lock request with its answer. protocol: nlm | nfs4; what: lock | open.
Lock = namedtuple("Lock", "t t_asked server client protocol what start length reclaim status")


class Trace:
    def __init__(self, path):
        self.notifies, self.port_queries, self.locks = [], [], []
        self.waiting = {}               # (client, port, server, port, xid) -> what to do with the reply
        self.early = {}                 # the same key -> (message, reply) without a call so far
        for message in pcap.messages(path):
            try:
                self.receive(message, rpc.parse(message.data))
            except rpc.NotRpc:
                continue
        self.notifies.sort(key=lambda n: n.t)
        self.locks.sort(key=lambda lock: lock.t)

    def receive(self, message, parsed):
        if isinstance(parsed, rpc.Reply):
            key = message.dst, message.dport, message.src, message.sport, parsed.xid
            if key not in self.waiting:
                self.early[key] = message, parsed
                return
            finish = self.waiting.pop(key)
            if finish:
                finish(message, parsed)
            return
        finish = self.called(message, parsed)
        key = message.src, message.sport, message.dst, message.dport, parsed.xid
        answer, reply = self.early.pop(key, (None, None))
        if not answer or message.t - answer.t > EARLY_S:
            self.waiting[key] = finish
        elif finish:
            finish(answer, reply)

    def called(self, message, call):
        """Notes a call; returns what its reply is for."""
        what = call.prog, call.vers, call.proc
        if what == (rpc.NSM, 1, rpc.SM_NOTIFY):
            return self.notify(message, call)
        if call.prog == rpc.PORTMAP and call.proc == rpc.GETPORT:
            if rpc.Reader(call.body).uint() == rpc.NSM:
                self.port_queries.append(PortQuery(message.t, message.src, message.dst))
        elif what == (rpc.NLM, 4, rpc.NLM_LOCK):
            return self.lock(message, "nlm", rpc.parse_nlm_lock(call.body), rpc.nlm_status)
        elif what == (rpc.NLM, 4, rpc.NLM_GRANTED):
            request = rpc.parse_nlm_granted(call.body)
            self.locks.append(Lock(message.t, message.t, message.src, message.dst, "nlm",
                                   *request, "granted"))
        elif what == (rpc.NFS, 4, rpc.NFS4_COMPOUND):
            request = rpc.parse_compound(call.body)
            if request:
                return self.lock(message, "nfs4", request, rpc.nfs4_status)
        return None

    def notify(self, message, call):
        sent = Notify(message.t, message.src, message.dst, *rpc.parse_notify(call.body), None)
        at = len(self.notifies)
        self.notifies.append(sent)

        def finish(answer, reply):
            if reply.body is not None:
                self.notifies[at] = sent._replace(t_ack=answer.t)
        return finish

    def lock(self, message, protocol, request, status):
        def finish(answer, reply):
            said = status(reply.body) if reply.body is not None else "rejected"
            self.locks.append(Lock(answer.t, message.t, message.dst, message.src, protocol,
                                   *request, said))
        return finish

    # questions

    def notified(self, since, until):
        """SM_NOTIFYs in a span of time, whoever sent them."""
        return [n for n in self.notifies if since <= n.t <= until]

    def locks_of(self, servers, since, until):
        return [lock for lock in self.locks
                if lock.server in servers and since <= lock.t <= until]

    def reclaims(self, servers, since, until):
        """Reclaims that were granted: of locks, not of the opens before them."""
        return [lock for lock in self.locks_of(servers, since, until)
                if lock.reclaim and lock.what == "lock" and lock.status == "granted"]

    def new_grants(self, servers, since, until):
        return [lock for lock in self.locks_of(servers, since, until)
                if not lock.reclaim and lock.status == "granted"]
