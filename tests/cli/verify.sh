#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# verify: each thing that is wrong is named, with what to do.
. "$(dirname "$0")/common.sh"
own_namespaces

# verdicts ARGUMENT...: whatever the node itself is like
verdicts() {
	out=$("$GROUP_LOCKRECOVER" verify "$@" 2>"$work/err")
	status=$?
	err=$(cat "$work/err")
}

mkdir "$work/a" "$work/b" "$work/file"
verdicts --directory "$work/a"
[ $status = 1 ] || failed "status $status"
has "$out" "^error    $work/a: mount-point: nothing is mounted"
hasnt "$out" 'device-names'
verdicts --directory "$work/absent"
has "$out" '^error .*mount-point: .*No such file'

mount -t tmpfs --make-private /dev/sample-b "$work/b"
verdicts --directory "$work/b"
has "$out" "^ok       $work/b: mount-point$"
has "$out" "^error    $work/b: filesystem: .* is tmpfs"
has "$out" "^error    $work/b: mount-shared: .*--make-rshared"
has "$out" "^ok       $work/b: device-names$"
has "$out" "^ok       $work/b: list: .* has none yet"
has "$out" "^warning  $work/b: exports: no exports"

mount --make-shared "$work/b"
mount -t tmpfs /dev/sample-b1 "$work/a"
verdicts --directory "$work/b"
has "$out" "^ok       $work/b: mount-shared$"
has "$out" "^error    $work/b: device-names: the device name /dev/sample-b1 (at $work/a) contains /dev/sample-b (at $work/b)"
verdicts --directory "$work/a"
has "$out" "^error    $work/a: device-names: the device name /dev/sample-b1 (at $work/a) contains /dev/sample-b (at $work/b)"
umount "$work/a"

mkdir "$work/b/.glr" "$work/b/data" "$work/b/two words"
"$CLI_FIXTURE" list "$work/b/.glr" home 10.0.0.7 || failed "fixture"
cat >"$work/b/.glr/exports" <<EXPORTS
# a comment
$work/b/data 10.0.0.0/8(rw) fd00::/8(rw) *(ro)
"$work/b/two words" client.example(rw,no_root_squash) @admins(rw)
$work/b *(rw)
relative *(rw)
$work/b/data -rw,no_root_squash 10.0.0.1
$work/b/gone *
EXPORTS
verdicts --directory "$work/b"
has "$out" 'list: clean, group home, 1 clients'
has "$out" "^ok       $work/b: exports: $work/b/data$"
hasnt "$out" '10.0.0.0/8'
hasnt "$out" 'data \*'
has "$out" "^warning .*/two words client.example: looking a name up"
has "$out" "^warning .*/two words client.example(rw,no_root_squash): root of a client"
has "$out" "^warning .*/two words @admins: looking a name up"
has "$out" "^warning .*/data -rw,no_root_squash: root of a client"
has "$out" "^error .* the state directory $work/b/.glr through the export $work/b:"
has "$out" "^error .*not a line of exports(5).*: relative"
has "$out" "^error .*/gone cannot be resolved"
verdicts --output-as=xml --directory "$work/b"
well_formed

# One that is damaged is an error until it is repaired, and a warning until a recovery has ended.
offset=$(grep -abo '10.0.0.7' "$work/b/.glr/clients.0" | head -n 1 | cut -d: -f1)
rm "$work/b/.glr/clients.0" "$work/b/.glr/clients.1"
"$CLI_FIXTURE" list "$work/b/.glr" home 10.0.0.7 10.0.0.8 || failed "fixture"
verdicts --repair home --directory "$work/b"
has "$out" "^ok       $work/b: repair: nothing was to be done"
printf 'X' | dd of="$work/b/.glr/clients.0" bs=1 seek="$offset" conv=notrunc status=none
cp "$work/b/.glr/clients.0" "$work/before"
verdicts --directory "$work/b"
has "$out" '^error .* list: is damaged: 1 clients were saved.*verify --repair'
cmp -s "$work/b/.glr/clients.0" "$work/before" || failed "looking changed the list"
mkdir -p /run/glr/home
"$CLI_FIXTURE" monitor home &
monitor=$!
wait_for /run/glr/home/control
verdicts --repair home --directory "$work/b"
[ $status = 107 ] || failed "status $status"
has "$err" 'writes its list itself: stop its resource group'
cmp -s "$work/b/.glr/clients.0" "$work/before" || failed "a list that is served was repaired"
kill $monitor
wait $monitor 2>/dev/null
rm -r /run/glr/home
verdicts --repair mail --directory "$work/b"
[ $status = 107 ] || failed "status $status"
has "$err" "another group's list"
verdicts --repair home --directory "$work/b"
has "$out" "^warning  $work/b: repair: the list was made whole"
has "$out" '^warning .* list: was damaged: 1 clients were saved'
cat "$work/b/.glr"/clients.broken-* | cmp -s - "$work/before" || failed "the original is not kept"
verdicts --directory "$work/b"
has "$out" '^warning .* list: was damaged'
rm "$work/b/.glr/clients.1"
verdicts --directory "$work/b"
has "$out" '^error .* list: .*one of clients.0 and clients.1 is missing'

head -c 65536 /dev/zero >"$work/b/.glr/clients.0"
head -c 65536 /dev/zero >"$work/b/.glr/clients.1"
verdicts --directory "$work/b"
has "$out" '^error .* list: .*neither clients.0 nor clients.1'
sleep 1 # copies are named after the second
verdicts --repair home --directory "$work/b"
has "$out" '^warning .*list: was made anew beside other state'

if truncate -s 16M "$work/disk" && mkfs.ext4 -q "$work/disk" && mount -o loop --make-shared "$work/disk" "$work/a" \
	2>"$work/err"; then
	verdicts --directory "$work/a"
	for check in mount-point filesystem mount-shared device-names; do
		has "$out" "^ok       $work/a: $check$"
	done
	umount "$work/a"
fi

have_pacemaker || finish
# votes FLAGS [EXPECTED]: as corosync-quorumtool tells them
mkdir "$work/bin"
votes() {
	printf '#!/bin/sh\necho "Expected votes:   %s"\necho "Flags:            %s"\nexit 1\n' "${2:-2}" "$1" \
		>"$work/bin/corosync-quorumtool"
	chmod +x "$work/bin/corosync-quorumtool"
}
votes '2Node Quorate WaitForAll'
PATH=$work/bin:$PATH
# nic NAME [FILE...]: network devices of another machine
mount -t tmpfs tmpfs /sys/class/net
nic() {
	mkdir -p "/sys/class/net/$1/device"
	for file; do
		[ "$file" = "$1" ] || mkdir -p "/sys/class/net/$1/$file"
	done
}
driver() {
	ln -sfn "../bus/drivers/$2" "/sys/class/net/$1/device/driver"
}
nic eth0
verdicts
[ $status = 102 ] || failed "status $status"
has "$err" 'no cluster manager runs on this node'
CIB_file="$work/cib.xml"
export CIB_file
cp "$data/cib.xml" "$CIB_file"
verdicts
has "$out" '^ok       cluster: fencing$'
has "$out" '^ok       cluster: quorum$'
has "$out" '^ok       home-nfs: lockrecover: home-recover$'
has "$out" '^error    /srv/home & co: mount-point: '
has "$out" '^warning  mail-nfs: active: runs nowhere'
has "$out" '^error    lone-nfs: lockrecover: no ocf:glr:lockrecover has group=lone'
verdicts mail
hasnt "$out" 'home-nfs'
verdicts nobody
[ $status = 105 ] || failed "status $status"
hostname node2
verdicts home
has "$out" "^ok       home-nfs: active: runs on node1; 'group-lockrecover verify home'"
hostname node1
# cluster EXPRESSION: one that differs from the sample
cluster() {
	sed "$1" "$data/cib.xml" >"$CIB_file"
	verdicts
}

# Quorum.
has "$out" '^ok       cluster: votes: 2, 2Node Quorate WaitForAll$'
votes '2Node Quorate'
cluster ''
has "$out" '^error    cluster: votes: two_node without wait_for_all'
votes Quorate
cluster ''
has "$out" '^warning  cluster: votes: of two votes both are needed'
votes 'Quorate Qdevice' 3
cluster ''
has "$out" '^ok       cluster: votes: 3, '
cluster 's|<nvpair id="opt-stonith"|<nvpair id="o" name="no-quorum-policy" value="ignore"/>&|'
has "$out" '^error    cluster: quorum: no-quorum-policy is ignore'

# Devices.
has "$out" '^ok       home-nfs: device: /dev/vg/home$'
has "$out" '^warning  mail-nfs: device: no ocf:glr:device'
cluster 's|value="/dev/vg/home"|value="/dev/sdb1"|'
has "$out" '^warning  home-nfs: device: /dev/sdb1 may be another disk'
cluster 's|<primitive id="mail-nfs"|<primitive class="ocf" provider="glr" type="device" id="mail-device"><instance_attributes id="mda"><nvpair id="mdn" name="device" value="/dev/vg/home-2"/></instance_attributes></primitive>&|'
has "$out" '^error    home-nfs: device: its name /dev/vg/home is part of /dev/vg/home-2 of group mail'
has "$out" '^ok       mail-nfs: device: /dev/vg/home-2$'

# The link.
has "$out" '^error    home-nfs: link: nic does not name a network device'
has "$out" '^ok       mail-nfs: link: macvlan on eth0$'
# link KIND NIC: mail's
link() {
	cluster "s|name=\"nic\" value=\"eth0\"/>|name=\"nic\" value=\"$2\"/><nvpair id=\"l\" name=\"link\" value=\"$1\"/>|"
}
link macvlan eth9
has "$out" '^error    mail-nfs: link: there is no network device eth9'
nic br0 bridge
nic port0 brport
ln -s ../br0 /sys/class/net/port0/master
nic slave0 bonding_slave
ln -s ../bond0 /sys/class/net/slave0/master
nic wlan0 phy80211
nic ens5
driver ens5 ena
nic ens192
driver ens192 vmxnet3
link veth eth0
has "$out" '^error    mail-nfs: link: eth0 is not a bridge'
link veth br0
has "$out" '^ok       mail-nfs: link: veth to br0$'
link macvlan port0
has "$out" '^error    mail-nfs: link: port0 is a port of the bridge br0: set nic=br0 and link=veth'
link ipvlan slave0
has "$out" '^error    mail-nfs: link: slave0 is part of bond0'
link macvlan wlan0
has "$out" '^error    mail-nfs: link: wlan0 is wireless'
link ipvlan wlan0
has "$out" '^ok       mail-nfs: link: ipvlan on wlan0$'
link macvlan ens5
has "$out" "^error    mail-nfs: link: ens5 is a cloud's (ena)"
link macvlan ens192
has "$out" '^warning  mail-nfs: link: vSphere'
link routed ''
has "$out" '^ok       mail-nfs: link: routed$'
cluster 's|name="state_dir" value="[^"]*"|name="nic" value="eth0"/><nvpair id="hl" name="link" value="ipvlan"|'
has "$out" '^error    mail-nfs: link: macvlan and ipvlan cannot share eth0, and group home'

cluster 's/"stonith-enabled" value="true"/"stonith-enabled" value="false"/; s/have-quorum="1"/have-quorum="0"/'
has "$out" '^error    cluster: fencing: is off'
has "$out" '^error    cluster: quorum: is missing'
finish
