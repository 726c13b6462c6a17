#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# status: no group, groups that answer, and monitors that do not; of this node and of the cluster.
. "$(dirname "$0")/common.sh"
own_namespaces
until_has() { # TEXT FILE
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q "$1" "$2" && return
		sleep 0.25
	done
	failed "no '$1' in $2"
}
prometheus() { "$(dirname "$0")/prometheus.py"; }

run 0 status
has "$out" 'no group is started on this node'
run 0 status --output-as=xml
well_formed
run 105 status home
has "$err" 'home is not started on this node'
run 105 status ../../tmp
run 64 status --watch=0
run 64 status --watch --output-as=xml

# A group with everything: namespaces with addresses, a filesystem with locks, a recovery that has ended.
mkdir -p /run/glr/home /run/glr/sick /run/glr/mute /run/glr/stopped /run/netns "$work/1" "$work/2"
mount --make-rshared /
"$CLI_FIXTURE" group home true || failed "fixture"
nsenter --net=/run/netns/home ip link set lo up
nsenter --net=/run/netns/home ip link add glr0 type bridge || failed "no link"
nsenter --net=/run/netns/home ip link set glr0 up
nsenter --net=/run/netns/home ip addr add 192.0.2.7/24 dev glr0
nsenter --net=/run/netns/home ip addr add 2001:db8::7/64 dev glr0 nodad
"$CLI_FIXTURE" monitor home &
home=$!
wait_for /run/glr/home/control
mount -t tmpfs home "$work/1"
mount -t tmpfs mail "$work/2"
printf 'directory=%s\nstate_dir=%s\n' "$work/1" "$work/1/.glr" >/run/glr/home/settings

python=$(python3 -c 'import sys; print(sys.executable)')
# locks NAME DIRECTORY COUNT: a process of this name holds locks, as /proc/locks shows those of lockd and nfsd
locks() {
	ln -sf "$python" "$work/$1"
	"$work/$1" -c 'import fcntl, sys, time
file = open(sys.argv[1], "w")
for at in range(int(sys.argv[2])):
    fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * at)
print("held", flush=True)
time.sleep(60)' "$2/$1" "$3" >"$work/$1.held" &
	holders="$! ${holders:-}"
	until_has held "$work/$1.held"
}
locks lockd "$work/1" 3
locks nfsd "$work/1" 2
locks other "$work/1" 4
locks lockd "$work/2" 5

run 0 status
has "$out" '^home: recovering on node1, at most 12 s of grace left$'
has "$out" '^  addresses: 192.0.2.7,2001:db8::7$'
has "$out" '^  clients: 3 on the list, 2 told, 1 acknowledged, 1 returned, 0 missed; 5 over NFSv4$'
has "$out" '^  locks: 3 held over NFSv3, 2 over NFSv4$'
has "$out" '^  epoch: 4, NSM state 9$'
has "$out" '^  list: clean, writable$'
hasnt "$out" 'last error'
hasnt "$out" 'last recovery'
hasnt "$out" 'stopped'

recovery=/run/glr/home/recovery
report='began_s=1763837352 duration_ms=38049 nsm_state=7 clients=4 acknowledged=2 returned=1 missed=2'
printf '%s\n10.0.0.7\nend=1\nend=1\n' "$report" >$recovery
run 0 status home
has "$out" '^  last recovery: 2025-11-22T18:49:12Z, 38.0 s: 4 clients told, 2 acknowledged, 1 returned, 2 missed$'
has "$out" '^    missed: 10.0.0.7$'
has "$out" '^    missed: end=1$'
run 0 status --output-as xml home
well_formed
has "$out" '<group name="home" source="monitor" node="node1" phase="recovering" grace-left-ms="11500" epoch="4" nsm-state="9">'
has "$out" '<address value="2001:db8::7"/>'
has "$out" '<clients listed="3" told="2" acknowledged="1" returned="1" missed="0" nfsv4="5"/>'
has "$out" '<locks nfsv3="3" nfsv4="2"/>'
has "$out" '<list condition="clean" writable="true"/>'
has "$out" '<last-recovery began="2025-11-22T18:49:12Z" duration-ms="38049" clients="4" acknowledged="2" returned="1" missed="2">'
has "$out" '<missed-client name="10.0.0.7"/>'

run 0 status --output-as=prometheus
out=$(printf '%s\n' "$out" | prometheus) || failed "not Prometheus' format"
has "$out" "^group_lockrecover_up group='home' 1$"
has "$out" "^group_lockrecover_phase group='home' phase='recovering' 1$"
has "$out" "^group_lockrecover_phase group='home' phase='serving' 0$"
has "$out" "^group_lockrecover_grace_left_seconds group='home' 11.5$"
has "$out" "^group_lockrecover_clients group='home' version='4' 5$"
has "$out" "^group_lockrecover_locks group='home' version='3' 3$"
has "$out" "^group_lockrecover_last_recovery_timestamp_seconds group='home' 1763837352$"
has "$out" "^group_lockrecover_last_recovery_clients group='home' progress='missed' 2$"

# What was cut off while it was written is none.
printf '%s\n10.0.0.7\n10.0.' "$report" >$recovery
run 0 status home
hasnt "$out" 'last recovery'
rm $recovery
# shellcheck disable=SC2086 # a list
kill $holders

"$CLI_FIXTURE" monitor sick &
sick=$!
wait_for /run/glr/sick/control
run 190 status sick
has "$out" 'NOT WRITABLE'
has "$out" 'last error: fdatasync: Input/output error'
run 190 status --output-as=xml
well_formed
has "$out" '<last-error message="fdatasync: Input/output error"/>'
has "$out" '<status code="190"'

# A name that needs to be escaped, of a group that does not answer.
mkdir '/run/glr/a"b\c'
kill $sick
wait $sick 2>/dev/null
ln /run/glr/sick/control '/run/glr/a"b\c/control'
run 0 status --output-as=prometheus
has "$out" '^group_lockrecover_up{group="a\\"b\\\\c"} 0$'
out=$(printf '%s\n' "$out" | prometheus) || failed "not Prometheus' format"
has "$out" "^group_lockrecover_up group='sick' 0$"
hasnt "$out" "^group_lockrecover_epoch group='sick'"
rm -r '/run/glr/a"b\c'

# One that is dead does not hide the other.
run 69 status sick home
has "$err" 'status monitor of group sick is dead'
has "$out" '^home: recovering'

"$CLI_FIXTURE" mute mute &
mute=$!
wait_for /run/glr/mute/control
run 124 status --output-as=xml mute
well_formed
has "$out" '<error>the status monitor of group mute does not answer'
kill $mute

# --watch: a bar that is drawn over itself, or a line for each change.
out=$(script -qec "stty cols 60 rows 24; timeout --foreground -s INT 2.5 $GROUP_LOCKRECOVER status --watch home" \
	/dev/null </dev/null | tr -d '\r')
has "$out" '^  \[#############---------------------------\] 1 of 3 acknowl$'
has "$out" "$(printf '\033\\[2A')"
"$GROUP_LOCKRECOVER" status --watch=1 home sick >"$work/lines" &
watch=$!
until_has sick "$work/lines"
sleep 1.5
kill $home
until_has 'home: its' "$work/lines"
kill -INT $watch
wait $watch || failed "status of --watch"
out=$(cat "$work/lines")
has "$out" '^[0-9:]* home: recovering on node1: 3 clients, 2 told, 1 acknowledged, 1 returned, 0 missed$'
has "$out" '^[0-9:]* home: its status monitor is dead$'
[ "$(grep -c home "$work/lines")" = 2 ] || failed "more lines than changes"
rm /run/glr/home/control /run/glr/sick/control

# offers WORD...: what the shell offers for the last one
offers() {
	out=$(bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _group_lockrecover; echo "${COMPREPLY[*]}"' \
		bash "$data/../../completion/group-lockrecover" "$GROUP_LOCKRECOVER" "$@")
}
offers status --
for option in --cluster --watch --output-as=; do
	has "$out " "$option "
done
offers status --output-as '='
[ "$out" = 'text xml prometheus' ] || failed "formats"
offers status --output-as '=' p
[ "$out" = prometheus ] || failed "format"
offers status m
[ "$out" = mute ] || failed "groups"

have_pacemaker || finish
run 102 status --cluster
has "$err" 'no cluster manager runs on this node'

# What Pacemaker's own tools make of a file: home on this node, mail on the other one.
state() { # ID NODE RESOURCE ATTRIBUTE
	sed -n '/<node_state/,/<\/node_state>/p' "$data/cib.xml" |
		sed "s/id=\"1\"/id=\"$1\"/; s/node1/$2/; s/home-nfs/$3/g; s|</node_state>|$4&|"
}
rm /run/glr/mute/control
attribute() { # ID NAME VALUE
	echo "<transient_attributes id=\"$1\"><instance_attributes id=\"status-$1\">" \
		"<nvpair id=\"status-$1-$2\" name=\"$2\" value=\"$3\"/></instance_attributes></transient_attributes>"
}
cluster() { # VALUE of the attribute of mail
	export CIB_file="$work/cib.xml"
	{
		sed '/<\/status>/,$d' "$data/cib.xml"
		state 2 node2 mail-nfs "$(attribute 2 glr-mail "$1" | tr -d '\n')"
		sed -n '/<\/status>/,$p' "$data/cib.xml"
	} >"$work/cib.xml"
}
"$CLI_FIXTURE" monitor home &
home=$!
wait_for /run/glr/home/control
cluster "phase=recovering clients=14 told=13 acknowledged=12 returned=3 missed=1 nfsv4=2 \
grace_end=$(date -u -d '+30 seconds' +%Y-%m-%dT%H:%M:%SZ) epoch=5 nsm_state=11 list=torn addresses=192.0.2.8"
run 0 status --cluster
has "$out" '^home: recovering on node1, at most 12 s'
has "$out" '^mail: recovering on node2, at most \(29\|30\) s of grace left$'
has "$out" '^  addresses: 192.0.2.8$'
has "$out" '^  clients: 14 on the list, 13 told, 12 acknowledged, 3 returned, 1 missed; 2 over NFSv4$'
has "$out" '^  list: torn$'
has "$out" '^lone: stopped$'
run 0 status --cluster --output-as=xml
well_formed
has "$out" '<group name="mail" source="attribute" node="node2" phase="recovering"'
has "$out" '<group name="lone" source="cluster"/>'
cluster 'phase=serving clients=14 acknowledged=12 returned=3 missed=3 began=2025-11-22T18:49:12Z duration_s=38 \
missed_clients=10.0.0.7,10.0.0.8,... epoch=5 nsm_state=11 list=clean addresses=192.0.2.8'
run 0 status --cluster mail
has "$out" '^mail: serving on node2$'
hasnt "$out" 'clients: '
has "$out" 'last recovery: 2025-11-22T18:49:12Z, 38.0 s: 14 clients told, 12 acknowledged, 3 returned, 3 missed$'
has "$out" '^    missed: 10.0.0.8$'
hasnt "$out" '^home'
run 0 status --cluster --output-as=xml
well_formed
has "$out" '<missed-client name="10.0.0.7"/>'
hasnt "$out" '"\.\.\."'
cluster 'nonsense'
run 0 status --cluster mail
has "$out" '^mail: on node2, which tells no more$'
run 105 status --cluster nobody
kill $home
finish
