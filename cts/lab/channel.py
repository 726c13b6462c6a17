# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's half of the serial line to a node's agent.

It is a serial line and not a socket on the lab's network so that a test may cut
the network and still talk to the node. The frames are described in node/agent.py.
"""
import itertools
import json
import socket
import threading


class NodeGone(Exception):
    """The node lost power while something was asked of it."""


class Call:
    """One command in the node, as far as the host has heard of it."""

    def __init__(self, number, sink):
        self.number, self.sink = number, sink
        self.rc, self.output, self.clock = None, b"", None
        self.done = threading.Event()
        self.gone = False

    def received(self, header, data):
        if "out" in header:
            self.sink(data)
            return
        self.rc, self.output, self.clock = header["rc"], data, header.get("clock")
        self.done.set()


class Channel:
    def __init__(self, on_up, on_beat, on_fence):
        self.ours, self.theirs = socket.socketpair()
        self.on_up, self.on_beat, self.on_fence = on_up, on_beat, on_fence
        self.calls = {}
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()        # of the calls and of whole frames on the line
        self.closed = False
        self.reader = threading.Thread(target=self.read, daemon=True)

    def start(self):
        """To be called when the node has inherited its end."""
        self.theirs.close()
        self.reader.start()

    def close(self):
        with self.lock:
            self.closed = True
        try:
            self.ours.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.reader.is_alive() and self.reader is not threading.current_thread():
            self.reader.join(5)
        self.ours.close()
        self.theirs.close()

    def send(self, header, data=b""):
        if data:
            header = dict(header, data=len(data))
        with self.lock:
            if self.closed:
                raise NodeGone()
            try:
                self.ours.sendall(json.dumps(header).encode() + b"\n" + data)
            except OSError as error:
                raise NodeGone() from error

    def call(self, what, argv=(), sink=None, **more):
        call = Call(next(self.numbers), sink)
        with self.lock:
            self.calls[call.number] = call
        self.send({"do": what, "id": call.number, "argv": argv, **more})
        return call

    def read(self):
        stream = self.ours.makefile("rb")
        try:
            while True:
                line = stream.readline()
                if not line:
                    break
                header = json.loads(line)
                self.dispatch(header, stream.read(header.get("data", 0)))
        except OSError:
            pass
        finally:
            self.orphan_all()

    def dispatch(self, header, data):
        if "up" in header:
            self.on_up()
        elif "beat" in header:
            self.on_beat()
        elif "fence" in header:
            # In a thread of its own: killing a node takes longer than the line may wait.
            threading.Thread(target=self.fence, args=(header,), daemon=True).start()
        else:
            with self.lock:
                call = self.calls.get(header["id"])
                if call and "rc" in header:
                    del self.calls[header["id"]]
            if call:
                call.received(header, data)

    def fence(self, header):
        answer = self.on_fence(header["words"])
        try:
            self.send({"do": "fenced", "fence": header["fence"], "answer": answer})
        except NodeGone:
            pass                            # it fenced itself

    def orphan_all(self):
        with self.lock:
            self.closed = True
            calls, self.calls = list(self.calls.values()), {}
        for call in calls:
            call.gone = True
            call.done.set()
