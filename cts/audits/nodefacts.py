#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a node has of groups, as JSON.

    nodefacts.py GROUP DEVICE
    nodefacts.py --all GROUP:DEVICE:DIRECTORY...

The first form is run where the group went away from, and says what is left of it.
A mount namespace without a process, kept by a bind mount, shows in no
mountinfo: that is what the superblock is looked at for. The second form says that of every
group that is not served here, and of those that are, which locks the kernel has and who
is on the client list.
"""
import glob
import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import proclocks  # noqa: E402

SHARE = "share"
THREADS = ("nfsd", "lockd")


def namespaces_in_use():
    """{network namespace inode: [pid, ...]} of all processes."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/ns/net"):
        try:
            found.setdefault(os.stat(path).st_ino, []).append(int(path.split("/")[2]))
        except OSError:
            continue
    return found


def named_namespaces():
    return {os.stat(path).st_ino for path in glob.glob("/run/netns/*")}


def command(pid):
    try:
        with open("/proc/%d/cmdline" % pid) as f:
            return f.read().replace("\0", " ").strip()
    except OSError:
        return "gone"


def mounted_in(device):
    """Pids whose mount namespace has the device mounted."""
    number = os.stat(device).st_rdev
    wanted = "%d:%d" % (os.major(number), os.minor(number))
    pids = []
    for path in glob.glob("/proc/[0-9]*/mountinfo"):
        try:
            with open(path) as f:
                if any(line.split()[2] == wanted for line in f):
                    pids.append(int(path.split("/")[2]))
        except OSError:
            continue
    return pids


def leftovers(group, device):
    found = [path for path in ("/run/netns/" + group, "/run/glr/" + group)
             if os.path.lexists(path)]
    known = named_namespaces() | {os.stat("/proc/1/ns/net").st_ino}
    for inode, pids in namespaces_in_use().items():
        if inode not in known:
            found += ["process %d in a nameless namespace: %s" % (pid, command(pid))
                      for pid in pids]
    found += ["mount of %s seen by process %d: %s" % (device, pid, command(pid))
              for pid in mounted_in(device)]
    return found


def is_alive(device):
    """Whether its superblock is, wherever it is mounted."""
    return os.path.exists("/sys/fs/ext4/" + os.path.basename(device))


def locks(device, directory):
    """[file, first byte, last byte] of each lock in the export, and when the table was read."""
    number = os.stat(device).st_rdev
    with os.scandir(os.path.join(directory, SHARE)) as entries:
        names = {entry.inode(): entry.name for entry in entries}
    begin = time.time()
    with open("/proc/locks") as f:
        table = f.read()
    held = proclocks.parse(table, os.major(number), os.minor(number))
    return {"begin": begin, "end": time.time(),
            "locks": [(names.get(h.inode, "inode %d" % h.inode), h.start, h.end) for h in held]}


def clients(group):
    """[name, kind] of each client on the list, as the group's own monitor tells."""
    text = subprocess.run(["group-lockrecover", "list", group], stdin=subprocess.DEVNULL, check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    rows = [line.rsplit(None, 3) for line in text.splitlines()]
    return [(row[0].strip(), row[2]) for row in rows]


def threads():
    """{name: how many} of the kernel threads that serve NFS."""
    found = dict.fromkeys(THREADS, 0)
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path) as f:
                name = f.read().strip()
        except OSError:
            continue
        if name in found:
            found[name] += 1
    return found


def of_group(group, device, directory):
    if os.path.exists("/run/netns/" + group):
        return {"served": True, "list": clients(group), **locks(device, directory)}
    found = leftovers(group, device)
    found += ["%s/%s" % (directory, name) for name in os.listdir(directory)]
    if is_alive(device):
        found.append("the superblock of " + device)
    return {"served": False, "leftovers": found}


def main():
    if sys.argv[1] == "--all":
        groups = {words[0]: of_group(*words) for words in (arg.split(":") for arg in sys.argv[2:])}
        print(json.dumps({"groups": groups, "threads": threads()}))
        return
    group, device = sys.argv[1:3]
    print(json.dumps({"leftovers": leftovers(group, device), "device_busy": is_alive(device)}))


if __name__ == "__main__":
    main()
