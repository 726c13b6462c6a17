#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is left of a group on the node it is run on, as JSON.

    nodefacts.py GROUP DEVICE

Run after the group went away. A mount namespace without a process, kept by a
bind mount, shows in no mountinfo: that is what the superblock is looked at for.
"""
import glob
import json
import os
import sys


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


def main():
    group, device = sys.argv[1:3]
    print(json.dumps({
        "leftovers": leftovers(group, device),
        "device_busy": os.path.exists("/sys/fs/ext4/" + os.path.basename(device))}))


if __name__ == "__main__":
    main()
