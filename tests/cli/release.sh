#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# release: what is dropped is said first; the kernel's files of NFSv4 clients stand in for a server.
. "$(dirname "$0")/common.sh"
own_namespaces

run 105 release --yes home 10.0.0.7
mkdir -p /run/glr/home /run/glr/calm /run/netns
mount --make-rshared /
monitors=
for group in home calm; do
	"$CLI_FIXTURE" group $group true || failed "fixture"
	"$CLI_FIXTURE" monitor $group 10.0.0.7 fd00::7 >"$work/told.$group" &
	monitors="$monitors $!"
	wait_for /run/glr/$group/control
done

# client ID ADDRESS: as fs/nfsd shows it
client() {
	"$GROUP_LOCKRECOVER" exec calm -- sh -c "mkdir -p /proc/fs/nfsd/clients/$1 && cd /proc/fs/nfsd/clients/$1 && : >ctl &&
		printf 'clientid: 0x1\naddress: \"%s\"\nstatus: confirmed\nname: \"Linux NFSv4.2 c%s\"\nminor version: 2\n' '$2' $1 >info"
}
ctl() { "$GROUP_LOCKRECOVER" exec calm -- cat "/proc/fs/nfsd/clients/$1/ctl"; }
"$GROUP_LOCKRECOVER" exec calm -- mount -t tmpfs tmpfs /proc/fs
client 3 10.0.0.7:934
client 4 10.0.0.70:934
client 5 '[fd00::8]:870'

run 107 release --yes home 10.0.0.7
has "$err" 'home is in its grace period.*wait 12 s'
run 105 release --yes calm 10.0.0.99
has "$err" "knows no client 10.0.0.99: 'group-lockrecover list calm'"
out=$("$GROUP_LOCKRECOVER" release calm 10.0.0.7 2>"$work/err" </dev/null)
[ $? = 64 ] || failed "no terminal, and it was released"
err=$(cat "$work/err")
has "$out" '^10.0.0.7: NFSv3, with all its locks$'
has "$out" '^10.0.0.7: NFSv4.2, with all its locks and open files: Linux NFSv4.2 c3$'
has "$err" 'make sure that it is dead.*use --yes'
[ -s "$work/told.calm" ] && failed "lockd was told without a yes"
[ -z "$(ctl 3)" ] || failed "nfsd was told without a yes"

# Both protocols; the neighbours keep what they have.
run 0 release --yes calm ::ffff:10.0.0.7
has "$out" '^10.0.0.7: NFSv3 locks are released; the client did not answer'
has "$out" '^10.0.0.7: NFSv4 locks are released$'
[ "$(cat "$work/told.calm")" = 'release name=10.0.0.7' ] || failed "lockd was not told of the one client"
[ "$(ctl 3)" = expire ] || failed "nfsd was not told"
[ -z "$(ctl 4)$(ctl 5)" ] || failed "nfsd was told of others"
run 0 release --yes calm fd00::8
hasnt "$out" NFSv3
[ "$(ctl 5)" = expire ] || failed "nfsd was not told"

# shellcheck disable=SC2086 # words
kill $monitors
finish
