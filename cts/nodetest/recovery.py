# SPDX-License-Identifier: GPL-2.0-or-later
"""Recoveries that do not go smoothly: who is told when, and what is held afterwards."""
import random
import time
from signal import SIGCONT, SIGSTOP

from audits import pcap, rpc

from .clients import Holder

GRACE_MAX_S = 15
BACK_WITHIN_S = 12
CUTS, THOROUGH_CUTS = 1, 20
CUT_WITHIN_S = 1.5
OTHERS = 5
NFS_PORT, NLM_PORT = 2049, 4045
ESTABLISHED, SENT_AGAIN = "01", "01"    # /proc/net/tcp
JIFFY_S = 0.01
SILENT_S, WOKEN_WITHIN_S = 8, 2
PATIENT = {"grace_s": 40, "lease_s": 40}    # an NFSv4 client gives a connection up after one lease
WRITTEN_WITHIN_S = 15
MODPROBE = "/proc/sys/kernel/modprobe"
ASKED_FOR = "/run/modules-asked-for"


def notifications(path):
    """How many SM_NOTIFYs a capture holds."""
    count = 0
    for message in pcap.messages(path):
        try:
            call = rpc.parse(message.data)
        except rpc.NotRpc:
            continue
        count += isinstance(call, rpc.Call) and (call.prog, call.proc) == (rpc.NSM, rpc.SM_NOTIFY)
    return count


def new_lock_before_told(world):
    """a client that asks for a new lock in the recovery, before it was told, gets its old ones back"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    old = world.hold(home, "3")
    # What it is sent is lost, and not only late.
    world.client.run("kill -9 $(pidof rpc.statd)")
    world.stop(home)
    world.serve(home)
    new = world.ask_for(home, "3", "asked.v3")
    world.until(lambda: world.status(home).get("returned") == 1, 5, "the client is monitored for its new lock")
    facts = world.status(home)
    world.that(facts["acknowledged"] == 0 and not world.locks(home), "it was told before: %s, %s",
               facts["text"], world.locks(home))
    world.client.run("rpc.statd --no-notify")
    world.has_locks(home, [old], BACK_WITHIN_S)
    world.that(world.status(home)["phase"] == "recovering", "it got its lock after grace")
    world.that(not new.has_it(), "a new lock in grace")
    world.until(new.has_it, GRACE_MAX_S, "the new lock after grace")
    world.has_locks(home, [old, new])


def client_down_at_takeover(world):
    """a client that comes back after grace keeps its new lock, and reclaims it the next time"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    lost = world.hold(home, "3")
    client = world.client
    lost.handle.signal(SIGSTOP)         # it would wait for the server ever longer
    client.unplug()
    world.stop(home)
    world.serve(home)
    world.until(lambda: world.status(home)["phase"] == "serving", GRACE_MAX_S, "the end of grace")
    facts = world.status(home)
    client.plug()
    world.that(facts["missed"] == 1, "the absent client is not marked: %s", facts["text"])
    new = world.hold(home, "3", "asked.v3")
    lost.handle.signal(SIGCONT)
    with world.lab.capture("late.pcap", "src host %s" % home.address) as late:
        time.sleep(3)
    world.that(not notifications(late.path), "somebody was told outside grace")
    world.has_locks(home, [new])
    world.that(world.listed(home).get(client.ip) == "seen", "its entry on the list: %s", world.listed(home))
    world.reboot()
    world.serve(home)
    began = world.now()
    world.has_locks(home, [new], BACK_WITHIN_S)
    world.say("back %.1f s after the next takeover", world.now() - began)


def cut_in_recovery(world):
    """the power goes in the middle of a recovery: the next one tells everybody and brings all back"""
    home = world.home
    cuts = THOROUGH_CUTS if world.thorough else CUTS
    world.release_kept()
    world.new_disk(home)
    world.serve(home)
    holders = [world.hold(home, version) for version in ("3", "4.2")]
    for _ in range(OTHERS):
        world.granted(home)
    slowest = 0.0
    for number in range(cuts):
        world.reboot()
        world.mount(home)
        world.begin(home)
        seconds = random.uniform(0, CUT_WITHIN_S)
        world.server.spawn(world.agent_command("lockrecover", "start", home))
        time.sleep(seconds)
        world.reboot()
        world.serve(home)
        began = world.now()
        world.until(lambda: world.status(home).get("told") == OTHERS + 1, 5,
                    lambda: "everybody is told after a cut at %.2f s: %s" % (seconds, world.status(home)["text"]))
        world.has_locks(home, holders, BACK_WITHIN_S)
        slowest = max(slowest, world.now() - began)
    world.say("%d times, locks back within %.1f s", cuts, slowest)
    for version in ("3", "4.2"):
        world.denied_to_others(home, version)


def module_loads(world):
    """whoever asks the kernel for a module that is not there yet waits for it: not the monitor, nor lockd with it"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    old = world.hold(home, "3")
    world.stop(home)
    world.shell("printf '#!/bin/sh\\necho \"$@\" >>%s\\nexec /sbin/modprobe \"$@\"\\n' >/run/modprobe; "
                "chmod 755 /run/modprobe; modprobe -r udp_diag; touch %s", ASKED_FOR, ASKED_FOR)
    world.change("echo /run/modprobe >" + MODPROBE, "echo /sbin/modprobe >" + MODPROBE)
    world.mount(home)
    world.begin(home)
    before = world.shell("cat %s; true >%s", ASKED_FOR, ASKED_FOR)
    world.open(home)
    world.has_locks(home, [old], BACK_WITHIN_S)
    after = world.shell("cat %s", ASKED_FOR)
    world.that(not after, "asked for in the recovery: %s", after)
    world.that("net-pf-16-proto-4" in before, "start did not ask for the list of sockets, but for: %s", before)


def connections(world):
    """{client's port: seconds until it sends again by itself what was not acknowledged, None: all was}"""
    found = {}
    for line in world.client.run(["cat", "/proc/net/tcp"]).out.splitlines()[1:]:
        _, own, server, state, _, timer = line.split()[:6]
        kind, left = timer.split(":")
        if state == ESTABLISHED and int(server.split(":")[1], 16) in (NFS_PORT, NLM_PORT):
            found[int(own.split(":")[1], 16)] = int(left, 16) * JIFFY_S if kind == SENT_AGAIN else None
    return found


def all_written(world):
    known = world.shell("cat %s/connections 2>/dev/null; true", world.home.state_dir).split("\n")
    return set(connections(world)) <= {int(line.split()[3]) for line in known if line}


def silent(world, ports):
    """Seconds for which the client says nothing on any of its connections."""
    return min(connections(world).get(port) or 0 for port in ports)


def request_under_way(world):
    """clients with requests under way at a power cut reclaim when the group is back, not when they would ask again"""
    home = world.home
    world.new_disk(home)
    world.mount(home)
    world.begin(home)
    world.open(home, **PATIENT)
    holders = [world.hold(home, version) for version in ("3", "4.2")]
    for version in ("3", "4.2"):
        churned = "%s/churned.v%s" % (world.mount_point(home, version), version)
        world.holders.append(Holder(world.client.spawn(["/run/lab/locker", "churn", churned, "0", "4096"]), churned, 0))
    world.until(lambda: all_written(world), WRITTEN_WITHIN_S, "connections are written down")
    ports, cut = set(connections(world)), world.now()
    world.that(len(ports) == 3, "connections of the client: %s", ports)
    world.reboot()
    world.mount(home)
    world.until(lambda: silent(world, ports) > SILENT_S, 60, lambda: "silence: %s" % connections(world))
    left_s, asked = silent(world, ports), world.now()
    with world.lab.capture("woken.pcap", "host %s" % home.address):
        world.begin(home)
        world.open(home, **PATIENT)
        began = world.now()
        world.has_locks(home, holders, left_s + 5)
        took_s = world.now() - began
    world.say("away for %.1f s, back %.1f s after that; the client would have asked again after %.1f s",
              began - cut, took_s, left_s - (began - asked))
    world.that(took_s < WOKEN_WITHIN_S, "the locks came back after %.1f s", took_s)


TESTS = (new_lock_before_told, client_down_at_takeover, cut_in_recovery, module_loads, request_under_way)
