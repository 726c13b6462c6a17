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

head -c 65536 /dev/zero >"$work/b/.glr/clients.0"
head -c 65536 /dev/zero >"$work/b/.glr/clients.1"
verdicts --directory "$work/b"
has "$out" '^error .* list: neither slot'

if truncate -s 16M "$work/disk" && mkfs.ext4 -q "$work/disk" && mount -o loop --make-shared "$work/disk" "$work/a" \
	2>"$work/err"; then
	verdicts --directory "$work/a"
	for check in mount-point filesystem mount-shared device-names; do
		has "$out" "^ok       $work/a: $check$"
	done
	umount "$work/a"
fi

have_pacemaker || finish
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
sed 's/"stonith-enabled" value="true"/"stonith-enabled" value="false"/; s/have-quorum="1"/have-quorum="0"/' \
	"$data/cib.xml" >"$CIB_file"
verdicts
has "$out" '^error    cluster: fencing: is off'
has "$out" '^error    cluster: quorum: is missing'
finish
