# SPDX-License-Identifier: GPL-2.0-or-later
# ocf-tester on the agents that need no NFS server: device and IPaddr2.
. "$here/common.sh"

need_root
command -v ocf-tester >/dev/null || skip "needs ocf-tester (resource-agents)"
if [ "${INSIDE:-}" != yes ]; then
	INSIDE=yes exec unshare --mount --propagation private sh "$0"
fi

group=glr-test-$$ loop=
finish() {
	[ -z "$loop" ] || losetup -d "$loop"
	ip netns del $group
}
ip netns add $group
trap finish EXIT
ip -n $group link add glr0 type veth peer name far || skip "this kernel has no veth"
ip -n $group link set far up
ip -n $group link set glr0 up
true_that "ocf-tester IPaddr2" ocf-tester -n address -o group=$group -o ip=192.0.2.1 -o cidr_netmask=24 \
	"$work/agents/IPaddr2"

use_real_server
truncate -s 1M "$work/disk"
loop=$(losetup -f --show "$work/disk") || skip "this machine has no loop devices"
true_that "ocf-tester device" ocf-tester -n guard -o device="$loop" "$work/agents/device"
