# SPDX-License-Identifier: GPL-2.0-or-later
"""The agents as Pacemaker and ocf-tester call them; the two that need no NFS server: tests/agents."""
import shlex

from .world import AGENTS, OCF_NOT_RUNNING, OCF_SUCCESS

NAMES = ("device", "nfsserver", "IPaddr2", "lockrecover")
TESTER_TIMEOUT_S = 120


def before(world, name):
    """Starts what stands before that agent in the Pacemaker group."""
    home = world.home
    world.expect(world.agent("device", "start", home), OCF_SUCCESS)
    world.mount(home)
    for earlier in NAMES[1:NAMES.index(name)]:
        world.expect(world.agent(earlier, "start", home), OCF_SUCCESS)


def after(world, name):
    for earlier in reversed(NAMES[1:NAMES.index(name)]):
        world.expect(world.agent(earlier, "stop", world.home), OCF_SUCCESS)
    world.unmount(world.home)
    world.expect(world.agent("device", "stop", world.home), OCF_SUCCESS)


def ocf_tester(world, name):
    before(world, name)
    words = ["ocf-tester", "-n", name]
    for item in world.home.parameters(name).items():
        words += ["-o", "%s=%s" % item]
    result = world.server.run(shlex.join(words + [AGENTS + name]), timeout=TESTER_TIMEOUT_S, check=False)
    world.that(result.rc == 0 and "passed all tests" in result.out, result.out.strip())
    after(world, name)
    world.that(not world.leftovers(), "left behind: %s", world.leftovers())


def ocf_tester_nfsserver(world):
    """ocf-tester ocf:glr:nfsserver"""
    ocf_tester(world, "nfsserver")


def ocf_tester_lockrecover(world):
    """ocf-tester ocf:glr:lockrecover"""
    ocf_tester(world, "lockrecover")


def whole_group(world):
    """probes where nothing is mounted, everything started and stopped twice, in order"""
    home = world.home
    world.unmount(home)
    for name in NAMES:
        world.expect(world.agent(name, "monitor", home), OCF_NOT_RUNNING)
        world.expect(world.agent(name, "stop", home), OCF_SUCCESS)
        world.expect(world.agent(name, "validate-all", home), OCF_SUCCESS)
        result = world.agent(name, "meta-data", home)
        world.that(result.rc == 0 and 'resource-agent name="%s"' % name in result.out, result.out)
        world.expect(world.agent(name, "promote", home), 3)
    began = world.now()
    world.expect(world.agent("device", "start", home), OCF_SUCCESS)
    world.mount(home)
    for name in NAMES:
        for _ in ("once", "again"):
            world.expect(world.agent(name, "start", home), OCF_SUCCESS)
        world.expect(world.agent(name, "monitor", home), OCF_SUCCESS)
    world.say("started twice in %.1f s", world.now() - began)
    holder = world.hold(home, "3")
    for name in reversed(NAMES):
        world.expect(world.agent(name, "start", home), OCF_SUCCESS)
    world.has_locks(home, [holder])
    for name in reversed(NAMES[1:]):
        for _ in ("once", "again"):
            world.expect(world.agent(name, "stop", home), OCF_SUCCESS)
        world.expect(world.agent(name, "monitor", home), OCF_NOT_RUNNING)
    world.nothing_left(home)
    for _ in ("once", "again"):
        world.expect(world.agent("device", "stop", home), OCF_SUCCESS)
    world.expect(world.agent("device", "monitor", home), OCF_NOT_RUNNING)


def reload_exports(world):
    """reload-agent: a new export can be mounted, and locks are kept"""
    home = world.home
    world.serve(home)
    holders = [world.hold(home, version) for version in ("3", "4.2")]
    world.shell("mkdir -p %s/more", home.directory)
    source = "%s:%s/more" % (home.address, home.directory)
    mount = "mkdir -p /mnt/more; mount -t nfs -o vers=%s,retry=0 " + source + " /mnt/more"
    refused = world.client.run(mount % "3", check=False)
    world.that(refused.rc != 0, "it can be mounted before it is exported")
    lines = home.exports + "; %s/more *(rw,no_subtree_check)" % home.directory
    world.expect(world.agent("nfsserver", "reload-agent", home, exports=lines), OCF_SUCCESS)
    for version in ("3", "4.2"):
        world.client.run(mount % version + " && umount /mnt/more")
    world.has_locks(home, holders)
    for bad in ("nonsense", "%s *(rw)" % home.directory):
        result = world.agent("nfsserver", "reload-agent", home, exports=bad)
        world.that(result.rc != 0 and result.reason, "a bad reload: %s", result.out)
    world.expect(world.agent("lockrecover", "reload-agent", home, threads=3), OCF_SUCCESS)
    world.that(world.shell("group-lockrecover exec home -- cat /proc/fs/nfsd/threads").strip() == "3", "threads are not 3")
    world.has_locks(home, holders)
    world.granted(home, within_s=3)
    world.healthy(home)


TESTS = (ocf_tester_nfsserver, ocf_tester_lockrecover, whole_group, reload_exports)
