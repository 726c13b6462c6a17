# SPDX-License-Identifier: GPL-2.0-or-later
# ocf:glr:IPaddr2 over a stand-in for the stock agent, in real namespaces.
. "$here/common.sh"

OCF_ROOT=$work/ocf
mkdir -p "$OCF_ROOT/lib" "$OCF_ROOT/resource.d/heartbeat"
ln -sfn /usr/lib/ocf/lib/heartbeat "$OCF_ROOT/lib/heartbeat"
cat >"$OCF_ROOT/resource.d/heartbeat/IPaddr2" <<END
#!/bin/sh
{
	printf '[%s]' "\$1" "\$__OCF_ACTION" "\$(readlink /proc/self/ns/net)"
	env | sed -n 's/^OCF_RESKEY_/ /p' | sort | tr -d '\n'
} >"$work/args"
[ -z "\$STUB_LINGER" ] || sleep "\$STUB_LINGER" >/dev/null 2>&1 &
exit "\${STUB_CODE:-0}"
END
chmod 755 "$OCF_ROOT/resource.d/heartbeat/IPaddr2"
group=glr-test-$$

# Where the group is not there.
for action in monitor:7 stop:0 validate-all:0 reload-agent:0; do
	agent IPaddr2 "${action%:*}" group=$group ip=192.0.2.1 cidr_netmask=24
	expect "${action#*:}" ''
done
agent IPaddr2 start group=$group ip=192.0.2.1 cidr_netmask=24
expect 1 '' "there is no network namespace $group: start ocf:glr:nfsserver*"
agent IPaddr2 validate-all group=$group ip=192.0.2.1 cidr_netmask=24 OCF_CHECK_LEVEL=10
expect 0 ''

for action in start stop monitor validate-all; do
	agent IPaddr2 $action ip=192.0.2.1 cidr_netmask=24
	expect 6 '' "group is missing*"
	agent IPaddr2 $action group=../$group ip=192.0.2.1 cidr_netmask=24
	expect 6 '' "group='../$group' is not a host name*"
	agent IPaddr2 $action group=$group cidr_netmask=24
	expect 6 '' "ip is missing*"
	for bad in 192.0.2 192.0.2.256 192.0.2.01 192.0.2.1.1 192.0.2. .1.1.1 host.example 'fd00:1' 'fd00::g' '::ffff:1.2.3.4' 'fe80::1%eth0' '1.1.1.1;id'; do
		agent IPaddr2 $action group=$group "ip=$bad" cidr_netmask=24
		expect 6 '' "ip='*' is not a numeric IPv4 or IPv6 address"
	done
	agent IPaddr2 $action group=$group ip=192.0.2.1
	expect 6 '' "cidr_netmask is missing*"
	for bad in 0 33 255.255.255.0 024 -1; do
		agent IPaddr2 $action group=$group ip=192.0.2.1 "cidr_netmask=$bad"
		expect 6 '' "cidr_netmask='*' is not a number from 1 to 32"
	done
	agent IPaddr2 $action group=$group ip=fd00::1 cidr_netmask=129
	expect 6 '' "cidr_netmask='129' is not a number from 1 to 128"
done

need_root
mkdir -p /run/netns

# A pin that is a plain file, as a crash can leave it.
: >/run/netns/$group
agent IPaddr2 monitor group=$group ip=192.0.2.1 cidr_netmask=24
expect 7 ''
agent IPaddr2 stop group=$group ip=192.0.2.1 cidr_netmask=24
expect 0 ''
rm /run/netns/$group

ip netns add $group
trap 'ip netns del $group' EXIT
inside=$(ip netns exec $group readlink /proc/self/ns/net)
for action in start stop monitor; do
	agent IPaddr2 $action group=$group ip=192.0.2.1 cidr_netmask=24 network_namespace=elsewhere nic=eth7 CRM_x=1
	expect 0 "[$action][$action][$inside] arp_bg=true cidr_netmask=24 ip=192.0.2.1 nic=glr0"
	for answer in 1 2 5 7; do
		agent IPaddr2 $action group=$group ip=fd00::1 cidr_netmask=64 STUB_CODE=$answer
		expect $answer
	done
done
agent IPaddr2 start group=$group ip=192.0.2.1 cidr_netmask=24 STUB_CODE=6
expect 2

in_namespace() {
	ip netns pids $group | grep -q .
}
agent IPaddr2 start group=$group ip=192.0.2.1 cidr_netmask=24 STUB_LINGER=60
expect 0
true_that "something lingers in the namespace" in_namespace
agent IPaddr2 stop group=$group ip=192.0.2.2 cidr_netmask=24
expect 0
true_that "a stop of another address leaves it alone" in_namespace
agent IPaddr2 stop group=$group ip=192.0.2.1 cidr_netmask=24
expect 0
true_that "nothing is left in the namespace after stop" sh -c "! ip netns pids $group | grep ."

rm "$OCF_ROOT/resource.d/heartbeat/IPaddr2"
for action in start stop monitor; do
	agent IPaddr2 $action group=$group ip=192.0.2.1 cidr_netmask=24
	expect 5 '' "there is no */IPaddr2: install resource-agents"
done
agent IPaddr2 validate-all group=$group ip=192.0.2.1 cidr_netmask=24 OCF_CHECK_LEVEL=10
expect 5 '' "there is no */IPaddr2: install resource-agents"
