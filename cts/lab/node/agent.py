# SPDX-License-Identifier: GPL-2.0-or-later
"""The node's half of the line to the host: starts commands, sends back what they say.

A frame is one line of JSON, followed by "data" bytes where the line says so.
It runs as process 1, so it also reaps what nobody else waits for. One thread,
one loop; commands are spawned without fork() because copying this process's
page tables is slow under User Mode Linux.
"""
import fcntl
import json
import os
import pty
import selectors
import signal
import struct
import termios
import time
import tty

FENCE_DIR = "/run/fence"
CHUNK = 16384
BEAT_S = 0.25


class Job:
    """One command: `path` holds its output (run), or `stream` carries it (spawn, tty)."""

    def __init__(self, number):
        self.number, self.pid, self.path, self.stream, self.rc = number, None, None, None, None
        self.is_tty = False


class Agent:
    def __init__(self, device):
        self.line = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        tty.setraw(self.line)
        self.inbox = b""
        self.want = None                # header whose data bytes are still coming
        self.jobs = {}                  # number -> Job
        self.pids = {}                  # pid -> Job
        self.selector = selectors.DefaultSelector()

    def serve(self):
        wake_r, wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGALRM):
            signal.signal(number, lambda *_: None)
        self.selector.register(self.line, selectors.EVENT_READ, self.read_line)
        self.selector.register(wake_r, selectors.EVENT_READ, lambda: self.signals(wake_r))
        self.listen_for_fence_agents()
        self.send({"up": True})
        signal.setitimer(signal.ITIMER_REAL, BEAT_S, BEAT_S)
        while True:
            for key, _ in self.selector.select():
                key.data()

    # the line

    def send(self, header, data=b""):
        if data:
            header["data"] = len(data)
        view = memoryview(json.dumps(header).encode() + b"\n" + data)
        while view:
            view = view[os.write(self.line, view):]

    def read_line(self):
        chunk = os.read(self.line, CHUNK)
        if not chunk:
            # The lab's process is gone: a node nobody holds must not run on.
            with open("/proc/sysrq-trigger", "w") as f:
                f.write("o")
            signal.pause()
        self.inbox += chunk
        while self.one_frame():
            pass

    def one_frame(self):
        if self.want is None:
            line, newline, rest = self.inbox.partition(b"\n")
            if not newline:
                return False
            self.inbox, self.want = rest, json.loads(line)
        size = self.want.get("data", 0)
        if len(self.inbox) < size:
            return False
        data, self.inbox = self.inbox[:size], self.inbox[size:]
        header, self.want = self.want, None
        getattr(self, "on_" + header["do"])(header, data)
        return True

    # requests

    def on_run(self, header, _):
        job = self.jobs[header["id"]] = Job(header["id"])
        job.path = "/run/job.%d" % job.number
        self.start(job, header, [(os.POSIX_SPAWN_OPEN, 1, job.path,
                                  os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)])

    def on_spawn(self, header, _):
        job = self.jobs[header["id"]] = Job(header["id"])
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read_end, False)
        self.watch(job, read_end)
        self.start(job, header, [(os.POSIX_SPAWN_DUP2, write_end, 1)])
        os.close(write_end)

    def on_tty(self, header, _):
        job = self.jobs[header["id"]] = Job(header["id"])
        master, slave = pty.openpty()
        os.set_inheritable(master, False)
        os.set_blocking(master, False)
        job.is_tty = True
        self.watch(job, master)
        # The first terminal a session leader opens becomes its controlling one.
        name = os.ttyname(slave)
        self.resize(master, header)
        self.start(job, header, [(os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0),
                                 (os.POSIX_SPAWN_DUP2, 0, 1)])
        os.close(slave)

    def on_clock(self, header, _):
        if "advance" in header:
            time.clock_settime(time.CLOCK_REALTIME, time.time() + header["advance"])
        self.send({"id": header["id"], "rc": 0, "clock": time.time()})

    def start(self, job, header, actions):
        if not job.is_tty:
            actions.insert(0, (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0))
        actions.append((os.POSIX_SPAWN_DUP2, 1, 2))
        env = dict(os.environ, **header.get("env", {}))
        try:
            job.pid = os.posix_spawnp(header["argv"][0], header["argv"], env, file_actions=actions,
                                      setsid=True, setsigmask=[], setsigdef=[signal.SIGPIPE])
        except OSError as error:
            self.finish(job, 127, str(error).encode())
            return
        self.pids[job.pid] = job

    def on_signal(self, header, _):
        job = self.jobs.get(header["id"])
        if job and job.pid:
            try:
                os.killpg(job.pid, header["signal"])
            except ProcessLookupError:
                pass

    def on_input(self, header, data):
        job = self.jobs.get(header["id"])
        if job and job.is_tty and job.stream is not None:
            os.write(job.stream, data)

    def on_resize(self, header, _):
        job = self.jobs.get(header["id"])
        if job and job.is_tty and job.stream is not None:
            self.resize(job.stream, header)

    @staticmethod
    def resize(master, header):
        if "rows" in header:
            size = struct.pack("HHHH", header["rows"], header["cols"], 0, 0)
            fcntl.ioctl(master, termios.TIOCSWINSZ, size)

    # output and ends of commands

    def watch(self, job, fd):
        job.stream = fd
        self.selector.register(fd, selectors.EVENT_READ, lambda: self.forward(job))

    def forward(self, job):
        try:
            data = os.read(job.stream, CHUNK)
        except BlockingIOError:
            return
        except OSError:         # a terminal whose last user is gone says EIO
            data = b""
        if data:
            self.send({"id": job.number, "out": True}, data)
            return
        self.selector.unregister(job.stream)
        os.close(job.stream)
        job.stream = None
        self.finish_if_over(job)

    def signals(self, wake_r):
        numbers = os.read(wake_r, 512)
        if signal.SIGALRM in numbers:
            self.send({"beat": True})
        if signal.SIGCHLD in numbers:
            self.reap()

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            job = self.pids.pop(pid, None)
            if job:
                job.rc = os.waitstatus_to_exitcode(status)
                self.finish_if_over(job)

    def finish_if_over(self, job):
        """A stream lasts as long as any of the command's children writes to it."""
        if job.rc is None or job.stream is not None:
            return
        data = b""
        if job.path:
            with open(job.path, "rb") as f:
                data = f.read()
            os.unlink(job.path)
        self.finish(job, job.rc, data)

    def finish(self, job, rc, data):
        self.jobs.pop(job.number, None)
        if job.stream is not None:
            self.selector.unregister(job.stream)
            os.close(job.stream)
        self.send({"id": job.number, "rc": rc}, data)

    # fencing: a fence agent on this node asks, the host acts and answers

    def listen_for_fence_agents(self):
        """A pair of pipes is what a shell script can talk to without starting a program."""
        os.mkdir(FENCE_DIR, 0o700)
        os.mkfifo(FENCE_DIR + "/request")
        # Opened for writing too, or it would be at its end after the first request.
        pipe = os.open(FENCE_DIR + "/request", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.selector.register(pipe, selectors.EVENT_READ, lambda: self.fence_requests(pipe))

    def fence_requests(self, pipe):
        for line in os.read(pipe, 4096).decode().splitlines():
            reply, *words = line.split()
            self.send({"fence": reply, "words": words})

    def on_fenced(self, header, _):
        try:
            reply = os.open(header["fence"], os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return              # the fence agent gave up waiting
        os.write(reply, ("%s\n" % header["answer"]).encode())
        os.close(reply)
