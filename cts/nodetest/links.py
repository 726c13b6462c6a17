# SPDX-License-Identifier: GPL-2.0-or-later
"""How a group is connected: routed over its node, behind a packet filter, on ports that one can name."""
import re

from .world import GLR_SERVER, NIC, OCF_ERR_ARGS, OCF_ERR_CONFIGURED, OCF_ERR_GENERIC, OCF_SUCCESS

ROUTED = {"link": "routed", "nic": None}
BACK_WITHIN_S = 12
MOUNT = "/mnt/own"
RULES = "/etc/home.nft"
# The lab's kernel has nftables for bridges only: rules are loaded here, and meet no packet.
TABLE = "table bridge %s { }"
GATE = {(direction, network, transport, flag)
        for direction, transport, flag in (("ingress", "tcp", None), ("ingress", "udp", None),
                                           ("egress", "tcp", "0x1/1"), ("egress", "tcp", "0x4/4"))
        for network in ("ip", "ipv6")}
PORTS = {("portmapper", 111), ("nfs", 2049), ("mountd", 20048), ("status", 662), ("nlockmgr", 4045)}


def begin_routed(world, prefix=32):
    home = world.home
    world.mount(home)
    world.expect(world.agent("nfsserver", "start", home, **ROUTED), OCF_SUCCESS)
    world.running.add(home.name)
    world.shell("ip -n %s addr add %s dev glr0", home.name, "%s/%d" % (home.address, prefix))


def routed(world):
    """link=routed: clients reach the group through its node, the node is a client itself, locks come back"""
    home = world.home
    world.new_disk(home)
    begin_routed(world, prefix=24)
    world.expect(world.agent("lockrecover", "start", home), OCF_ERR_CONFIGURED, "cidr_netmask=32")
    world.shell("ip -n %s addr flush dev glr0; ip -n %s addr add %s/32 dev glr0", home.name, home.name, home.address)
    world.expect(world.agent("lockrecover", "start", home), OCF_ERR_ARGS, "sysctl -w net.ipv4.ip_forward=1")
    world.change("sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv4.ip_forward=0")
    world.open(home)
    world.client.run("ip route replace %s via %s" % (home.address, world.server.ip))
    holders = [world.hold(home, version) for version in ("3", "4.2")]
    world.change("mkdir -p {0} && mount -t nfs -o vers=4.2,hard {1}:{2} {0}".format(MOUNT, home.address, home.share),
                 "umount -f %s" % MOUNT)
    own = world.server.spawn(["/run/lab/locker", "hold", MOUNT + "/own", "0", "4096"])
    world.until(lambda: '"granted"' in own.output(), 20, "the node's own lock")
    world.expect(world.ask([GLR_SERVER, "recover", home.name], 40), OCF_SUCCESS)
    world.has_locks(home, holders, BACK_WITHIN_S)
    world.until(lambda: ("own", 0, 4095) in world.locks(home), BACK_WITHIN_S, "the node's own lock is back")
    own.stop()
    world.undo()
    world.stop(home)
    world.nothing_left(home)
    left = world.shell("ip route show; ip -o link show type veth")
    world.that(home.address not in left and "glr-" not in left, "left on the node: %s", left)
    world.undo()
    # Holders wait for a server that only this route leads to.
    world.new_client()


def loaded(world):
    return world.shell("ip netns exec %s nft list tables", world.home.name).split()[2::3]


def packet_filter(world):
    """nft_file: rules in the group's namespace, changed by a reload, refused when they are wrong"""
    home = world.home
    world.new_disk(home)
    world.mount(home)
    world.change("echo nonsense >" + RULES, "rm -f " + RULES)
    world.expect(world.agent("nfsserver", "start", home, nft_file=RULES), OCF_ERR_ARGS, "'nft -c -f /etc/home.nft' shows where")
    world.expect(world.agent("nfsserver", "stop", home), OCF_SUCCESS)
    world.shell("echo %s >%s", TABLE % "first", RULES)
    world.begin(home, nft_file=RULES)
    world.that(loaded(world) == ["first"], "loaded: %s", loaded(world))
    world.that(not world.shell("nft list tables"), "the node has the group's rules")
    world.shell("echo %s >%s", TABLE % "second", RULES)
    world.expect(world.agent("nfsserver", "reload-agent", home, nft_file=RULES), OCF_SUCCESS)
    world.that(loaded(world) == ["second"], "loaded by the reload: %s", loaded(world))
    world.shell("echo nonsense >%s", RULES)
    world.expect(world.agent("nfsserver", "reload-agent", home, nft_file=RULES), OCF_ERR_ARGS, "shows where")
    world.that(loaded(world) == ["second"], "loaded by a reload that was refused: %s", loaded(world))
    world.expect(world.agent("nfsserver", "reload-agent", home), OCF_SUCCESS)
    world.that(not loaded(world), "without a file still loaded: %s", loaded(world))
    world.stop(home)
    world.nothing_left(home)


def kinds(world):
    """each kind of link as the kernel sees it, and what the closed gate drops; a link that cannot be made says why"""
    home = world.home
    world.new_disk(home)
    world.mount(home)
    world.change("ip link add br-test type bridge && ip link set br-test up", "ip link del br-test")
    for kind, nic, wanted in (("macvlan", NIC, "macvlan mode bridge"), ("ipvlan", NIC, "ipvlan  mode l2"),
                              ("veth", "br-test", "veth")):
        world.begin(home, link=kind, nic=nic)
        link = world.shell("ip -d -n %s link show dev glr0", home.name)
        world.that(wanted in link and "state DOWN" not in link, "link=%s: %s", kind, link)
        world.that(filters(world) == GATE, "link=%s: the closed gate: %s", kind, filters(world))
        ports = re.findall(r"glr-\w+", world.shell("ip -o link show master br-test up"))
        world.that(len(ports) == (kind == "veth"), "link=%s: ports of the bridge: %s", kind, ports)
        world.stop(home)
        world.nothing_left(home)
        world.mount(home)
    world.change("ip link add %s type bridge" % ports[0], "ip link del " + ports[0])
    world.expect(world.agent("nfsserver", "start", home, link="veth", nic="br-test"), OCF_ERR_GENERIC,
                 "^cannot make the veth link of group home on br-test: .*File exists")
    world.undo()
    world.expect(world.agent("nfsserver", "stop", home), OCF_SUCCESS)
    world.undo()


def filters(world):
    """What the gate drops: (direction, protocol of the network, of the transport, flag of TCP)."""
    found = set()
    for direction in ("ingress", "egress"):
        text = world.shell("tc -n %s filter show dev glr0 %s", world.home.name, direction)
        for one in re.split(r"^filter ", text, flags=re.M):
            match = re.search(r"protocol (\w+) .*handle 0x1.*ip_proto (\w+)", one, re.S)
            if match and "action drop" in one:
                flag = re.search(r"tcp_flags (\w+/\w+)", one)
                found.add((direction, *match.groups(), flag and flag.group(1)))
    return found


def fixed_ports(world):
    """each service is where a packet filter expects it"""
    home = world.home
    world.new_disk(home)
    world.serve(home)
    rows = [line.split() for line in world.client.run("rpcinfo -p " + home.address).out.splitlines()[1:]]
    found = {(row[4], int(row[3])) for row in rows if len(row) == 5 and row[4] in dict(PORTS)}
    world.that(found == PORTS, "ports: %s", sorted(found))
    world.granted(home)
    world.stop(home)
    world.nothing_left(home)


TESTS = (routed, packet_filter, kinds, fixed_ports)
