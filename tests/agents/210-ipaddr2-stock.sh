# SPDX-License-Identifier: GPL-2.0-or-later
# ocf:glr:IPaddr2 with the stock agent, on a real link in a real namespace.
. "$here/common.sh"

need_root
[ -x /usr/lib/ocf/resource.d/heartbeat/IPaddr2 ] || skip "needs resource-agents"
group=glr-test-$$
ip netns add $group
trap 'ip netns del $group' EXIT
ip -n $group link add glr0 type veth peer name far || skip "this kernel has no veth"
ip -n $group link set lo up
ip -n $group link set far up
ip -n $group link set glr0 up

has() {
	ip -n $group -o addr show dev glr0 | grep -q " $1 "
}

idle() {
	for process in /proc/[0-9]*; do
		# shellcheck disable=SC3013 # every sh has -ef
		[ ! "$process/ns/net" -ef "/run/netns/$group" ] || return 1
	done
}

for address in 192.0.2.1/24 fd00::1/64; do
	set -- group=$group "ip=${address%/*}" "cidr_netmask=${address#*/}"
	agent IPaddr2 monitor "$@"
	expect 7
	agent IPaddr2 stop "$@"
	expect 0
	for _ in once again; do
		agent IPaddr2 start "$@"
		expect 0
		true_that "$address is there" has "$address"
	done
	agent IPaddr2 monitor "$@"
	expect 0
	agent IPaddr2 stop "$@"
	expect 0
	true_that "nothing of $address is left in the namespace" idle
	true_that "$address is gone" sh -c "! ip -n $group -o addr show dev glr0 | grep ' $address '"
	agent IPaddr2 monitor "$@"
	expect 7
done
true_that "the node has none of them" sh -c "! ip -o addr | grep -E ' (192.0.2.1/24|fd00::1/64) '"

# By hand, without Pacemaker's environment.
true_that "monitor works without OCF_ROOT" env -u OCF_ROOT OCF_RESKEY_group=$group OCF_RESKEY_ip=192.0.2.1 \
	OCF_RESKEY_cidr_netmask=24 sh -c "$work/agents/IPaddr2 monitor; [ \$? = 7 ]"

# Without the link the trouble is this node's: another may have it.
ip -n $group link del glr0
agent IPaddr2 start group=$group ip=192.0.2.1 cidr_netmask=24
expect 2
agent IPaddr2 monitor group=$group ip=192.0.2.1 cidr_netmask=24
expect 7
agent IPaddr2 stop group=$group ip=192.0.2.1 cidr_netmask=24
expect 0
