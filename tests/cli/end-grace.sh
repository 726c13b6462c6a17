#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# end-grace: asks first, tells the status monitor before the kernel, and ends only what lasts.
. "$(dirname "$0")/common.sh"
own_namespaces

run 105 end-grace --yes home
mkdir -p /run/glr/home /run/glr/calm /run/netns
mount --make-rshared /
for group in home calm; do
	"$CLI_FIXTURE" group $group true || failed "fixture"
done
monitors=
for group in home calm; do
	"$CLI_FIXTURE" monitor $group 10.0.0.7 fd00::7 >"$work/told.$group" &
	monitors="$monitors $!"
	wait_for /run/glr/$group/control
	# What the kernel shows there, without one that serves NFS.
	"$GROUP_LOCKRECOVER" exec $group -- sh -c 'mount -t tmpfs tmpfs /proc/fs && mkdir /proc/fs/lockd /proc/fs/nfsd'
done
grace() { # GROUP LOCKD NFSD
	"$GROUP_LOCKRECOVER" exec "$1" -- sh -c "echo $2 >/proc/fs/lockd/nlm_end_grace; echo $3 >/proc/fs/nfsd/v4_end_grace"
}
graces() {
	"$GROUP_LOCKRECOVER" exec "$1" -- sh -c 'cat /proc/fs/lockd/nlm_end_grace /proc/fs/nfsd/v4_end_grace' | tr -d '\n'
}

grace home Y Y
run 107 end-grace --yes home
has "$err" 'home is recovering and not in its grace period'
grace home N N
out=$("$GROUP_LOCKRECOVER" end-grace home 2>"$work/err" </dev/null)
[ $? = 64 ] || failed "no terminal, and it was ended"
err=$(cat "$work/err")
has "$out" '^has not come back: 10.0.0.7 (NFSv3, sent)$'
has "$err" 'use --yes'
script -qec "$GROUP_LOCKRECOVER end-grace home" /dev/null >"$work/out" <<ANSWER
n
ANSWER
grep -q 'nothing was done' "$work/out" || failed "no: $(cat "$work/out")"
[ "$(graces home)" = NN ] || failed "ended all the same"
[ -s "$work/told.home" ] && failed "the status monitor was told all the same"
echo y | script -qec "$GROUP_LOCKRECOVER end-grace home" /dev/null >"$work/out"
[ "$(graces home)" = YY ] || failed "not ended: $(cat "$work/out")"
grep -q 'home: the grace period is over; 2 clients had not come back' "$work/out" || failed "$(cat "$work/out")"
[ "$(cat "$work/told.home")" = end-grace ] || failed "the status monitor was not told"

# lockd had nobody to wait for, nfsd has.
grace calm Y N
run 0 end-grace --yes calm
hasnt "$out" '10.0.0.7'
[ "$(graces calm)" = YY ] || failed "NFSv4's grace period lasts"
[ -s "$work/told.calm" ] && failed "the recovery was over already"
# shellcheck disable=SC2086 # words
kill $monitors
finish
