# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's bridge and cables, in a network namespace nothing else uses; packet capture."""
import signal
import subprocess
import time

from . import host

BRIDGE = "br0"
HOST_ADDRESS = "10.99.0.254"


class Network:
    def __init__(self, name):
        self.name = name

    def up(self):
        host.ip("netns", "add", self.name)
        host.ip("link", "set", "lo", "up", netns=self.name)
        # Nodes' macvlans bring addresses of their own: a bridge learns them. No
        # multicast snooping, which without a querier drops IPv6 neighbour discovery.
        host.ip("link", "add", BRIDGE, "type", "bridge", "forward_delay", "0",
                "mcast_snooping", "0", netns=self.name)
        host.ip("addr", "add", HOST_ADDRESS + "/24", "dev", BRIDGE, netns=self.name)
        host.ip("link", "set", BRIDGE, "up", netns=self.name)

    def down(self):
        host.delete_netns(self.name)

    def add_cable(self, end):
        """One end for a node, of which this kernel is to take no notice, the other in the bridge.

        No tap: its reader is called before there is anything to read, and a node now and then missed a packet until
        the next one came, 200 ms later.
        """
        host.ip("link", "add", end, "type", "veth", "peer", "name", self.plugged(end), netns=self.name)
        host.ip("link", "set", end, "arp", "off", "addrgenmode", "none", "up", netns=self.name)
        host.ip("link", "set", self.plugged(end), "master", BRIDGE, "up", netns=self.name)

    @staticmethod
    def plugged(end):
        return end + ".br"

    def plug(self, end):
        host.ip("link", "set", self.plugged(end), "master", BRIDGE, netns=self.name)

    def unplug(self, end):
        host.ip("link", "set", self.plugged(end), "nomaster", netns=self.name)

    def inside(self, argv):
        """The command line that runs argv in this namespace; it stays one process."""
        return ["nsenter", "--net=/run/netns/" + self.name, *argv]


class Capture:
    """tcpdump of whole packets on the bridge; use as a context manager or call stop()."""

    def __init__(self, network, path, expression, record):
        self.path = path
        self.log = path + ".log"
        # Immediate mode and -U: what was seen is in the file when stop() returns.
        argv = ["tcpdump", "-i", BRIDGE, "-s", "0", "-U", "--immediate-mode", "-n", "-B", "16384",
                "-Z", "root", "-w", path, *([expression] if expression else [])]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(network.inside(argv), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        record.add_group(self.process.pid)
        self.wait_listening()

    def wait_listening(self, timeout_s=10):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.process.poll() is None:
            with open(self.log) as f:
                if "listening on" in f.read():
                    return
            time.sleep(0.01)
        raise RuntimeError("tcpdump did not start: see " + self.log)

    def stop(self):
        """Ends the capture and returns the pcap file's path."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
