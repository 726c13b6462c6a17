# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a freshly mounted node a machine of its own: files, network, services."""
import os
import pwd
import socket
import subprocess

GLR_USER = "_glr"
GLR_ID = 64999


def write(path, text, mode="w"):
    with open(path, mode) as f:
        f.write(text)


def files(config):
    """Names come from /etc/hosts alone: a DNS query in the lab only waits for its timeout."""
    socket.sethostname(config["name"])
    write("/etc/hostname", config["name"] + "\n")
    hosts = "".join("%s\t%s\n" % (ip, name) for name, ip in config["hosts"].items())
    write("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n" + hosts)
    for path in ("/etc/resolv.conf",):
        if os.path.lexists(path):
            os.unlink(path)
        write(path, "")
    with open("/etc/nsswitch.conf") as f:
        lines = [ln for ln in f if not ln.startswith("hosts:")]
    write("/etc/nsswitch.conf", "".join(lines) + "hosts: files\n")
    write("/etc/fstab", "")
    add_user()
    # rpcbind opens them for every query. The host's files have no page cache here, as any disk's have.
    for path in ("/etc/netconfig", "/etc/hosts.allow", "/etc/hosts.deny"):
        if os.path.exists(path):
            with open(path) as f:
                text = f.read()
            os.unlink(path)
            write(path, text)


def add_user():
    try:
        pwd.getpwnam(GLR_USER)
        return
    except KeyError:
        pass
    write("/etc/group", "%s:x:%d:\n" % (GLR_USER, GLR_ID), "a")
    write("/etc/passwd", "%s:x:%d:%d:group-lockrecover:/nonexistent:/usr/sbin/nologin\n"
          % (GLR_USER, GLR_ID, GLR_ID), "a")


def network(config):
    write("/proc/sys/net/ipv4/ip_nonlocal_bind", "0")
    batch = ("link set lo up\n"
             "link set vec0 up\n"
             "addr add %s/24 dev vec0\n" % config["ip"])
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)


def services(config):
    statd = pwd.getpwnam("statd")
    for name in ("sm", "sm.bak", "v4recovery", "nfsdcld", "nfsdcltrack", "rpc_pipefs"):
        os.mkdir("/var/lib/nfs/" + name)
    for name in ("state", "etab", "rmtab"):
        write("/var/lib/nfs/" + name, "")
    for name in ("sm", "sm.bak", "state"):
        os.chown("/var/lib/nfs/" + name, statd.pw_uid, statd.pw_gid)
    if config["role"] == "client":
        # What a stock Linux client has running for NFSv3 locks. Servers have no
        # status monitor of the node: each group brings its own.
        subprocess.run(["rpcbind", "-w"], check=True)
        subprocess.run(["rpc.statd", "--no-notify"], check=True)
