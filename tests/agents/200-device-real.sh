# SPDX-License-Identifier: GPL-2.0-or-later
# ocf:glr:device with the real glr-server and real filesystems on loop devices.
. "$here/common.sh"

need_root
use_real_server
if [ "${INSIDE:-}" != yes ]; then
	# Mounts, and /run with the markers, are the test's own.  On one processor,
	# because Linux 6.18 refuses to pin a mount namespace (EINVAL) that looks older
	# than the one it is pinned in, and each processor counts for itself.
	cpu=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
	INSIDE=yes exec taskset -c "$cpu" unshare --mount --propagation private sh "$0"
fi
mount -t tmpfs tmpfs /run

image=$work/image mnt=$work/mnt node=$work/node loop=
finish() {
	[ -z "$loop" ] || losetup -d "$loop"
	umount "$work/pins" 2>/dev/null
}
trap finish EXIT
trap 'exit 1' INT TERM
truncate -s 16M "$image"
mkfs.ext4 -q -F "$image" || skip "needs mkfs.ext4"
loop=$(losetup -f --show "$image") || skip "this machine has no loop devices"
mkdir "$mnt"

# device ACTION CODE [REASON]
device() {
	agent device "$1" "device=$loop" OCF_RESKEY_CRM_meta_timeout=2000
	if [ $# -gt 2 ]; then
		expect "$2" '' "$3"
	else
		expect "$2"
	fi
}

device monitor 7
device stop 0
device start 0
device monitor 0
device start 0
mount "$loop" "$mnt"
device start 0
device monitor 0
umount "$mnt"
device stop 0
device monitor 7
device stop 0

# Mounted before the start: refused, with its place; the start leaves no trace.
mount "$loop" "$mnt"
device start 1 "device $loop is busy: it is mounted on $mnt: unmount it there*"
device monitor 7
umount "$mnt"
device start 0

# Left behind: idle, it is unmounted; in use, the stop fails in time and says so.
mount "$loop" "$mnt"
device stop 0
true_that "stop has unmounted it" sh -c "! mountpoint -q $mnt"
device start 0
mount "$loop" "$mnt"
(cd "$mnt" && exec sleep 30) &
user=$!
sleep 0.2
began=$(date +%s)
device stop 1 "device $loop is busy: it is mounted on $mnt*"
true_that "stop keeps its time" [ $(($(date +%s) - began)) -le 2 ]
device monitor 0
kill $user
wait $user 2>/dev/null
device stop 0

# In the mount namespace of a process only.
mount "$loop" "$mnt"
unshare --mount --propagation private sleep 30 &
user=$!
sleep 0.3
umount "$mnt"
device start 1 "device $loop is busy: it is mounted on $mnt in the mount namespace of process $user (sleep)*nsenter --mount=/proc/$user/ns/mnt umount $mnt*"
device stop 0
device start 0
device stop 0
kill $user
wait $user 2>/dev/null

# In a mount namespace without processes, which a pin keeps alive and no /proc file shows.
mkdir "$work/pins"
mount --bind "$work/pins" "$work/pins"
mount --make-private "$work/pins"
: >"$work/pins/mnt"
mount "$loop" "$mnt"
unshare --mount="$work/pins/mnt" --propagation private true
umount "$mnt"
true_that "no process shows the mount" sh -c "! grep -l '$loop ' /proc/[0-9]*/mountinfo"
device start 1 "device $loop is busy: it is mounted on $mnt in the mount namespace pinned at $work/pins/mnt*nsenter --mount=$work/pins/mnt umount*"
device stop 0
device start 0
device stop 0
umount "$work/pins/mnt"

# Covered by another mount: that one is not to be unmounted in its place.
mount "$loop" "$mnt"
mount -t tmpfs cover "$mnt"
device stop 1 "device $loop is busy: it is mounted on $mnt*"
true_that "the covering mount is still there" [ "$(stat -f -c %T "$mnt")" = tmpfs ]
umount "$mnt"
device stop 0

# Unmounted lazily while in use: no mount is left to be seen, yet it lives.
mount "$loop" "$mnt"
(cd "$mnt" && exec sleep 30) &
user=$!
sleep 0.2
umount --lazy "$mnt"
device start 1 "device $loop is busy, and no mount of it was found*"
device stop 1 "device $loop is busy, and no mount of it was found*"
kill $user
wait $user 2>/dev/null
device stop 0

# The name vanishes while it is mounted.
cp -a "$loop" "$node"
agent device start "device=$node"
expect 0
mount "$node" "$mnt"
rm "$node"
agent device monitor "device=$node"
expect 1 '' "device $node has gone from this node*"
agent device stop "device=$node"
expect 0
true_that "stop has unmounted the vanished device" sh -c "! mountpoint -q $mnt"
agent device monitor "device=$node"
expect 7

# Several: all or nothing.
agent device start "device=$loop /dev/no-such-device"
expect 5 '' "there is no device /dev/no-such-device*"
agent device monitor "device=$loop /dev/no-such-device"
expect 1 '' "only 1 of 2 devices are guarded*"
agent device stop "device=$loop /dev/no-such-device"
expect 0
agent device monitor "device=$loop /dev/no-such-device"
expect 7

agent device start "device=$image"
expect 2 '' "$image is not a block device*"
