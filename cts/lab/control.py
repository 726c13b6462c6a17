# SPDX-License-Identifier: GPL-2.0-or-later
"""A way into the nodes for other processes: the socket behind cts/shell.

The client's first frame says what to run and where; then both sides send frames
as on a node's serial line (channel.py), terminal input one way, output the other.
"""
import json
import os
import socket
import threading

from .channel import NodeGone

SOCKET = "control"


def send(connection, header, data=b""):
    if data:
        header = dict(header, data=len(data))
    connection.sendall(json.dumps(header).encode() + b"\n" + data)


def receive(stream):
    """(header, data), or (None, b"") at the end."""
    line = stream.readline()
    if not line:
        return None, b""
    header = json.loads(line)
    return header, stream.read(header.get("data", 0))


class Control:
    def __init__(self, lab):
        self.lab = lab
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(lab.dir, SOCKET))
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                header, _ = receive(stream)
                node = self.lab.nodes.get(header["node"])
                if node is None or not node.alive:
                    send(connection, {"error": "%s: no such node, or it is off" % header["node"]})
                    return
                self.relay(connection, stream, node, header)
            except (OSError, ValueError, KeyError, NodeGone):
                return

    def relay(self, connection, stream, node, header):
        def output(data):
            try:
                send(connection, {"out": True}, data)
            except OSError:
                pass                    # the client left; its command is hung up below
        size = {k: header[k] for k in ("rows", "cols") if k in header}
        call = node.channel.call("tty" if header["tty"] else "spawn", header["argv"], sink=output,
                                 env=header.get("env", {}), **size)
        ended = threading.Thread(target=self.report_end, args=(connection, call), daemon=True)
        ended.start()
        while True:
            header, data = receive(stream)
            if header is None:
                break
            node.channel.send(dict(header, id=call.number), data)
        if not call.done.is_set():
            node.channel.send({"do": "signal", "id": call.number, "signal": 1})

    @staticmethod
    def report_end(connection, call):
        call.done.wait()
        try:
            send(connection, {"error": "the node died"} if call.gone else {"rc": call.rc})
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        """A blocked accept() wakes up only when the socket is shut down."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
