# SPDX-License-Identifier: GPL-2.0-or-later
"""Process groups, namespaces and what is left of labs that died."""
import contextlib
import ctypes
import glob
import json
import os
import shutil
import signal
import subprocess
import threading
import time

PARENT = "/var/tmp"        # of the labs' folders: on a disk, where images may be large
PREFIX = "glrlab-"
RECORD = "record.json"
NETNS = "/run/netns"
OURS = ("linux.uml", "tcpdump")     # the programs a lab leaves running
PR_SET_CHILD_SUBREAPER = 36


def stamp():
    """The clock all events of a lab are told in; the nodes' CLOCK_REALTIME agrees with it."""
    return time.time()


def start_time(pid):
    """Clock ticks since boot at which `pid` started, or None: tells a reused pid."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return int(f.read().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return None


def adopt_orphans():
    """Become the parent of children's children, so that zombies can be reaped here."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def living_members(group):
    """Pids of the process group that still hold resources: zombies do not."""
    members = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name) as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            members.append(int(name))
    return members


def kill_group(group, timeout_s=10):
    """SIGKILL to the group; returns when no member holds a file, lock or socket any more.

    To its leader first: a kernel that is told of its processes' ends panics before its own, which no power cut does.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with contextlib.suppress(ProcessLookupError):
                os.kill(group, signal.SIGKILL)
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            return
        if not living_members(group):
            return
        time.sleep(0.002)
    raise RuntimeError("process group %d does not die" % group)


def reap_zombies(group):
    try:
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def ip(*words, netns=None):
    where = ["-n", netns] if netns else []
    subprocess.run(["ip", *where, *words], check=True, stdin=subprocess.DEVNULL)


def delete_netns(name):
    if not os.path.exists(os.path.join(NETNS, name)):
        return
    ip("netns", "delete", name)
    # The first namespace makes ip mount this folder on itself; the last one to
    # leave takes that away. It fails, rightly, while any other is mounted in it.
    if not os.listdir(NETNS):
        ctypes.CDLL(None).umount2(NETNS.encode(), 0)


class Record:
    """A lab's own account of what to clear away, kept in its directory."""

    def __init__(self, directory, netns):
        self.path = os.path.join(directory, RECORD)
        self.facts = {"pid": os.getpid(), "started": start_time(os.getpid()),
                      "netns": netns, "groups": {}}
        self.lock = threading.Lock()
        self.save()

    def add_group(self, group):
        with self.lock:
            self.facts["groups"][str(group)] = start_time(group)
            self.save()

    def save(self):
        with open(self.path + ".new", "w") as f:
            json.dump(self.facts, f)
        os.rename(self.path + ".new", self.path)


def is_ours(pid):
    try:
        return os.path.basename(os.readlink("/proc/%d/exe" % pid)) in OURS
    except OSError:
        return False


def kill_recorded(group, started):
    leader = start_time(group)
    if leader is not None and leader != started:
        return                  # the number belongs to somebody else by now
    members = living_members(group)
    if members and all(is_ours(pid) for pid in members):
        kill_group(group)


def remove(directory, netns, groups):
    for group, started in groups.items():
        kill_recorded(int(group), started)
    delete_netns(netns)
    shutil.rmtree(directory, ignore_errors=True)


def reap_dead_labs(parent):
    """Clear away what labs that were killed outright could not clear themselves."""
    for path in glob.glob(os.path.join(parent, PREFIX + "*", RECORD)):
        try:
            with open(path) as f:
                facts = json.load(f)
        except (OSError, ValueError):
            continue
        if start_time(facts["pid"]) != facts["started"]:
            remove(os.path.dirname(path), facts["netns"], facts["groups"])
