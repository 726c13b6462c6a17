# SPDX-License-Identifier: GPL-2.0-or-later
"""Lab: the nodes, their disks and their network, from first to last."""
import concurrent.futures
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import threading

from . import host
from .control import Control
from .heartbeat import Heartbeat
from .network import Capture, Network
from .node import Node

UML_MODULES = "/usr/lib/uml/modules"
FENCE_AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node", "fence_uml")
DISK_LETTERS = "ABCDEFGHIJKLMNOP"      # a node has no more


class Lab:
    """Use as a context manager: whatever happens inside, nothing is left behind.

    servers, clients   how many nodes of each kind
    stage              DESTDIR of a `make install` (prefix /usr, sysconfdir /etc) to be
                       seen in every node as if it were installed; None: nothing
    build              a folder to be seen in every node as /build; None: nothing
    memory             of each node
    disks              how many shared disks the servers have: /dev/ubda, ubdb ...
    """

    def __init__(self, servers=2, clients=2, stage=None, build=None, disks=3, disk_size="256M",
                 memory="512M", parent=host.PARENT):
        self.stage = os.path.abspath(stage) if stage else None
        self.build = os.path.abspath(build) if build else None
        self.counts = (servers, clients, disks)
        self.disk_size, self.memory, self.parent = disk_size, memory, parent
        self.modules = max(glob.glob(UML_MODULES + "/*"))
        self.nodes, self.disks, self.captures = {}, [], []
        self.dir = self.network = self.record = self.control = self.heartbeat = None
        self.fence_reboots = False      # True: a node fenced with "reboot" comes up again
        self.shift = 0
        self.events = []                # (CLOCK_REALTIME, text)
        self.old_handlers = {}
        self.noting = threading.Lock()
        self.fencing = threading.Lock()

    # from first to last

    def __enter__(self):
        self.catch_signals()
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_):
        self.down()

    def up(self):
        servers, clients, disks = self.counts
        host.adopt_orphans()
        host.reap_dead_labs(self.parent)
        self.dir = tempfile.mkdtemp(prefix="%s%d-" % (host.PREFIX, os.getpid()), dir=self.parent)
        # Two labs at once put their busiest nodes on different processors.
        self.shift = len(glob.glob(os.path.join(self.parent, host.PREFIX + "*"))) - 1
        os.chmod(self.dir, 0o755)       # daemons of other users in the nodes read here
        name = self.netns_name()
        self.record = host.Record(self.dir, name)
        self.network = Network(name)
        self.network.up()
        self.make_usr_layer()
        self.disks = [self.make_disk(DISK_LETTERS[i]) for i in range(disks)]
        for i in range(1, servers + 1):
            self.add_node("s%d" % i, "server", "10.99.0.%d" % i)
        for i in range(1, clients + 1):
            self.add_node("c%d" % i, "client", "10.99.0.%d" % (10 + i))
        with concurrent.futures.ThreadPoolExecutor(len(self.nodes) or 1) as pool:
            list(pool.map(Node.boot, self.nodes.values()))
        for node in self.nodes.values():
            node.set_clock()            # once more, now that the machine is at rest
        self.control = Control(self)
        self.heartbeat = Heartbeat(self)
        self.note("%d nodes up", len(self.nodes))

    def down(self):
        """Clear everything away; safe to call twice, deaf to signals meanwhile."""
        muted = self.mute_signals()
        for capture in self.captures:
            capture.stop()
        if self.control:
            self.control.close()
        if self.heartbeat:
            self.heartbeat.stop()
        for node in self.nodes.values():
            node.kill()
        if self.network:
            self.network.down()
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)
        if muted:
            for number, handler in self.old_handlers.items():
                signal.signal(number, handler)
            self.old_handlers = {}

    def hold(self):
        """Keep the lab standing for cts/shell until Ctrl-C or SIGTERM."""
        print("the lab stands in %s; cts/shell NODE goes in, Ctrl-C here ends it" % self.dir,
              flush=True)
        try:
            while True:
                signal.pause()
        except KeyboardInterrupt:
            pass

    def catch_signals(self):
        """Turn signals into exceptions, so that __exit__ runs."""
        if threading.current_thread() is not threading.main_thread():
            return

        def leave(number, _frame):
            raise SystemExit(128 + number)
        for number in (signal.SIGTERM, signal.SIGHUP):
            self.old_handlers[number] = signal.signal(number, leave)
        self.old_handlers[signal.SIGINT] = signal.getsignal(signal.SIGINT)

    def mute_signals(self):
        if threading.current_thread() is not threading.main_thread():
            return False
        for number in self.old_handlers:
            signal.signal(number, signal.SIG_IGN)
        return True

    # parts

    def netns_name(self):
        name = "%s%d" % (host.PREFIX, os.getpid())
        return name if not os.path.exists("/run/netns/" + name) else os.path.basename(self.dir)

    def add_node(self, name, role, address):
        self.nodes[name] = Node(self, name, role, address)
        self.network.add_cable(self.nodes[name].cable)

    def make_usr_layer(self):
        """What only nodes have under /usr: the modules of their kernel, our fence agent."""
        os.makedirs(self.dir + "/usr/lib/modules")
        os.makedirs(self.dir + "/usr/sbin")
        os.symlink(self.modules, self.dir + "/usr/lib/modules/" + os.path.basename(self.modules))
        shutil.copy(FENCE_AGENT, self.dir + "/usr/sbin/fence_uml")
        os.chmod(self.dir + "/usr/sbin/fence_uml", 0o755)

    def make_disk(self, letter):
        path = os.path.join(self.dir, "disk%s.img" % letter)
        subprocess.run(["truncate", "-s", self.disk_size, path], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-L", letter, "-E", "lazy_itable_init=0,nodiscard",
                        path], check=True, stdin=subprocess.DEVNULL)
        return path

    @staticmethod
    def device(letter):
        """The shared disk of that letter, as servers name it: A is /dev/ubda."""
        return "/dev/ubd" + letter.lower()

    @property
    def servers(self):
        return [n for n in self.nodes.values() if n.role == "server"]

    @property
    def clients(self):
        return [n for n in self.nodes.values() if n.role == "client"]

    def __getitem__(self, name):
        return self.nodes[name]

    def capture(self, name="lab.pcap", expression=""):
        """Start recording all packets on the lab's bridge; .stop() returns the file."""
        capture = Capture(self.network, os.path.join(self.dir, name), expression, self.record)
        self.captures.append(capture)
        return capture

    def note(self, text, *args):
        """Remember an event with the time it happened."""
        with self.noting:
            self.events.append((host.stamp(), text % args if args else text))

    def save(self, target):
        """Keeps logs, histories, packets and what the nodes are doing in that folder, made anew."""
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        for entry in os.listdir(self.dir):
            path = os.path.join(self.dir, entry)
            if os.path.isfile(path) and not entry.endswith(".img"):
                shutil.copy(path, target)
        with open(os.path.join(target, "events"), "w") as f:
            f.writelines("%.3f %s\n" % event for event in self.events)
        for node in self.nodes.values():
            if node.alive:
                with open(os.path.join(target, node.name + ".state"), "w") as f:
                    f.write(node.state())

    # fencing

    def fence(self, asker, words):
        """What a fence agent in node `asker` wants done; returns the answer's one line."""
        action, port = (words + ["", ""])[:2]
        if action == "list":
            return " ".join(node.name for node in self.servers)
        node = self.nodes.get(port)
        if node is None:
            return "error no such node"
        self.note("fence: %s asks: %s %s", asker.name, action, port)
        with self.fencing:              # of two nodes that shoot at each other one survives
            if not asker.alive:
                return "error dead"
            try:
                self.switch(node, action)
            except Exception as error:  # whatever it is, the asker must hear of it
                return "error %s" % str(error).replace("\n", " ")
        self.note("fence: answered: %s %s", action, port)
        return "on" if node.alive else "off"

    def switch(self, node, action):
        if action in ("off", "reboot"):
            node.kill()
        if action == "on" or (action == "reboot" and self.fence_reboots):
            if not node.alive:
                node.boot(wait=False)
