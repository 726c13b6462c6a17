# SPDX-License-Identifier: GPL-2.0-or-later
"""One node: a User Mode Linux instance that can be booted, asked and cut off."""
import json
import os
import signal
import subprocess
import threading
import time
from collections import namedtuple

from . import host
from .channel import Channel, NodeGone

HERE = os.path.dirname(os.path.abspath(__file__))
INIT = os.path.join(HERE, "node", "init")
SERVER_NICE = "-10"
BOOT_TIMEOUT_S = 60
CLOCK_ERROR_S = 0.0001
SYS_POLL = "7"
KERNEL = range(0x60000000, 0x70000000)  # where its data lie
ASLEEP_S = 5
STATE_S = 10
STATE = "ps -eo pid,ppid,stat,cls,ni,wchan:24,time,args; cat /proc/interrupts /proc/locks; dmesg | tail -n 40"

Result = namedtuple("Result", "rc out")


class CommandFailed(Exception):
    def __init__(self, node, cmd, result):
        super().__init__("%s: %s: exit status %s: %s" % (node, cmd, result.rc, result.out[-2000:]))
        self.result = result


class CommandTimeout(Exception):
    pass


class Handle:
    """A command running in the background; `path` is its output on the host, live."""

    def __init__(self, node, cmd, path):
        self.node, self.cmd, self.path, self.call = node, cmd, path, None
        self.file = open(path, "ab", buffering=0)

    def start(self, what, argv, **more):
        self.call = self.node.channel.call(what, argv, sink=self.file.write, **more)

    @property
    def running(self):
        return not self.call.done.is_set()

    @property
    def rc(self):
        """Exit status; negative: ended by that signal; None: running, or its node is dead."""
        return self.call.rc

    def output(self):
        with open(self.path, errors="replace") as f:
            return f.read()

    def signal(self, number=signal.SIGTERM):
        """To the command's whole process group."""
        self.node.channel.send({"do": "signal", "id": self.call.number, "signal": int(number)})

    def wait(self, timeout=60):
        """Returns the exit status (None if the node died under it)."""
        if not self.call.done.wait(timeout):
            raise CommandTimeout("%s: %s: still running after %gs" % (self.node, self.cmd, timeout))
        return self.call.rc

    def stop(self, timeout=10):
        """SIGTERM, then SIGKILL; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.running:
                break
            try:
                self.signal(number)
                self.wait(timeout)
            except (CommandTimeout, NodeGone):
                continue
        return self.call.rc


class Node:
    def __init__(self, lab, name, role, address):
        self.lab, self.name, self.role, self.ip = lab, name, role, address
        self.cable = "cable-" + name    # its end
        self.console = os.path.join(lab.dir, name + ".console")
        self.process = None
        self.channel = None
        self.killed_at = None           # CLOCK_REALTIME of the last power cut
        self.booted_at = None
        self.up = threading.Event()
        self.last_beat = 0.0            # time.monotonic() of the last that its agent sent, by a timer of the node
        self.power = threading.Lock()   # one at a time: a test and a fence agent may both kill
        self.counter = 0
        self.disks_pid = None

    def __str__(self):
        return self.name

    # power

    @property
    def alive(self):
        return self.process is not None

    def boot(self, wait=True):
        """Power on. After a kill this is a fresh machine: nothing but the disks survives."""
        with self.power:
            if self.process:
                raise RuntimeError(self.name + " is already running")
            self.up.clear()
            self.disks_pid = None
            self.write_config()
            self.channel = Channel(self.has_come_up, self.beat, lambda words: self.lab.fence(self, words))
            with open(self.console, "ab") as console:
                self.process = subprocess.Popen(
                    self.lab.network.inside(self.command_line()), stdin=subprocess.DEVNULL,
                    stdout=console, stderr=console, start_new_session=True,
                    pass_fds=[self.channel.theirs.fileno()])
            self.lab.record.add_group(self.process.pid)
            self.channel.start()
            self.booted_at = host.stamp()
        if wait:
            self.wait_up()

    def has_come_up(self):
        self.beat()
        self.up.set()

    def beat(self):
        self.last_beat = time.monotonic()

    def wait_up(self, timeout=BOOT_TIMEOUT_S):
        deadline = time.monotonic() + timeout
        while not self.up.wait(0.1):
            process = self.process
            if process is None or process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("%s did not boot: see %s\n%s"
                                   % (self.name, self.console, self.console_tail()))
        self.set_clock()

    def console_tail(self, size_bytes=2000):
        with open(self.console, "rb") as f:
            return f.read()[-size_bytes:].decode(errors="replace")

    def write_config(self):
        lab = self.lab
        config = {"name": self.name, "role": self.role, "ip": self.ip, "dir": lab.dir,
                  "stage": lab.stage, "build": lab.build, "modules": lab.modules,
                  "hosts": {node.name: node.ip for node in lab.nodes.values()}}
        with open(os.path.join(lab.dir, self.name + ".json"), "w") as f:
            json.dump(config, f)

    def processor(self):
        """One processor for all of an instance's processes.

        Each system call and page fault in the node goes back and forth between two
        of them; across processors a failover took a third longer.
        """
        usable = sorted(os.sched_getaffinity(0))
        return usable[(self.lab.shift + list(self.lab.nodes).index(self.name)) % len(usable)]

    def command_line(self):
        lab = self.lab
        argv = ["taskset", "--cpu-list", str(self.processor())]
        if self.role == "server":
            # How long a server takes is measured: its clients share the processor with it.
            argv = ["nice", "-n", SERVER_NICE] + argv
        argv += ["linux.uml", "mem=" + lab.memory, "root=/dev/root", "rootfstype=hostfs", "rootflags=/",
                "ro", "init=" + INIT, "labdir=" + lab.dir, "labnode=" + self.name,
                "umid=" + self.name, "uml_dir=" + os.path.join(lab.dir, "uml"), "loglevel=5",
                "con=null", "con0=null,fd:1", "ssl=null",
                "ssl0=fd:%d" % self.channel.theirs.fileno(),
                "vec0:transport=raw,ifname=%s,mac=%s,depth=128" % (self.cable, self.mac())]
        if self.role == "server":
            # Never with the "c" flag: without it UML locks the image while the device
            # is open, so that a disk mounted on two nodes is refused instead of ruined.
            argv += ["ubd%s=%s" % (chr(ord("a") + i), path) for i, path in enumerate(lab.disks)]
        return argv

    def mac(self):
        return "02:00:00:00:00:%02x" % int(self.ip.rpartition(".")[2])

    def kill(self):
        """Power cut: SIGKILL to everything the instance is; returns when it is gone.

        Returns the CLOCK_REALTIME of the cut. What the node had not synced is lost.
        """
        with self.power:
            if self.process is None:
                return self.killed_at
            self.killed_at = host.stamp()
            host.kill_group(self.process.pid)
            self.process.wait()
            host.reap_zombies(self.process.pid)
            self.process = None
            self.up.clear()
            self.lab.note("%s: power cut", self.name)
        self.channel.close()
        return self.killed_at

    # commands

    @staticmethod
    def argv(cmd):
        return ["/bin/sh", "-c", cmd] if isinstance(cmd, str) else list(cmd)

    def need_power(self):
        if self.process is None:
            raise NodeGone("%s is powered off" % self.name)

    def run(self, cmd, timeout=60, check=True):
        """Run a shell command (or an argument list); stdout and stderr come back together.

        Returns when the command's own process ends, whatever it left in the background.
        """
        self.need_power()
        call = self.channel.call("run", self.argv(cmd))
        if not call.done.wait(timeout):
            self.channel.send({"do": "signal", "id": call.number, "signal": int(signal.SIGKILL)})
            raise CommandTimeout("%s: %s: no end after %gs" % (self.name, cmd, timeout))
        if call.gone:
            raise NodeGone("%s died while it ran: %s" % (self.name, cmd))
        result = Result(call.rc, call.output.decode(errors="replace"))
        if check and result.rc != 0:
            raise CommandFailed(self.name, cmd, result)
        return result

    def state(self):
        """What it is doing, as text."""
        try:
            return self.run(STATE, timeout=STATE_S, check=False).out
        except (CommandTimeout, NodeGone) as error:
            return "%s\n" % error

    def clock_offset(self):
        """(seconds the node's CLOCK_REALTIME is ahead of the host's, +- seconds)."""
        best = (0.0, float("inf"))
        for _ in range(200):
            if best[1] < CLOCK_ERROR_S:
                break
            before = host.stamp()
            call = self.channel.call("clock")
            call.done.wait(10)
            after = host.stamp()
            if call.clock and (after - before) / 2 < best[1]:
                best = (call.clock - (before + after) / 2, (after - before) / 2)
        return best

    def set_clock(self):
        """A node's clock starts some milliseconds off; then it runs with the host's.

        Checked and set again, because a busy host may halt the node between its
        reading of the clock and its setting.
        """
        for _ in range(5):
            offset, _ = self.clock_offset()
            if abs(offset) < 3 * CLOCK_ERROR_S:
                break
            self.channel.call("clock", advance=-offset).done.wait(10)

    def spawn(self, cmd, path=None, env=None):
        """Start a command in the background, its output in a file on the host."""
        self.need_power()
        self.counter += 1
        path = path or os.path.join(self.lab.dir, "%s.spawn.%d" % (self.name, self.counter))
        handle = Handle(self, cmd, path)
        handle.start("spawn", self.argv(cmd), env=env or {})
        return handle

    def write_file(self, path, text, mode=0o644):
        """Put a file into the node (through the folder the node shares with the host)."""
        self.counter += 1
        name = "%s.put.%d" % (self.name, self.counter)
        local = os.path.join(self.lab.dir, name)
        with open(local, "w") as f:
            f.write(text)
        self.run(["install", "-D", "-m", "%o" % mode, "/run/lab/" + name, path])
        os.unlink(local)

    # disks

    def disk_process(self):
        """Which of the instance's processes does its disks' work: asleep, it waits at a place in the kernel's data."""
        for pid in host.living_members(self.process.pid):
            try:
                with open("/proc/%d/syscall" % pid) as f:
                    words = f.read().split()
            except OSError:
                continue
            if words[0] == SYS_POLL and int(words[1], 16) in KERNEL:
                return pid
        return None

    def freeze_disks(self):
        """What is asked of any disk waits, until thaw_disks()."""
        deadline = time.monotonic() + ASLEEP_S
        while self.disks_pid is None and time.monotonic() < deadline:
            self.disks_pid = self.disk_process()
        if self.disks_pid is None:
            raise RuntimeError("%s: its disks never rest" % self.name)
        os.kill(self.disks_pid, signal.SIGSTOP)

    def thaw_disks(self):
        if self.disks_pid and self.process:
            os.kill(self.disks_pid, signal.SIGCONT)

    # network cable

    def unplug(self):
        self.lab.network.unplug(self.cable)
        self.lab.note("%s: cable out", self.name)

    def plug(self):
        self.lab.network.plug(self.cable)
        self.lab.note("%s: cable in", self.name)
