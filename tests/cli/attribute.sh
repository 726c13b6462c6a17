#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The node attribute that glr-server sets for crm_mon -A: when, to what, and that it waits for nobody.
. "$(dirname "$0")/common.sh"
own_namespaces
GLR_SERVER=$(dirname "$GROUP_LOCKRECOVER")/glr-server

mkdir "$work/bin"
cat >"$work/bin/attrd_updater" <<END
#!/bin/sh
echo "\$*" >>"$work/asked"
[ ! -e "$work/hang" ] || exec sleep 60
END
chmod 755 "$work/bin/attrd_updater"
PATH=$work/bin:$PATH

# Answers a NULL call as an NFS server does.
cat >"$work/nfs.py" <<'END'
import socket
server = socket.create_server(("127.0.0.1", 2049))
while True:
    client = server.accept()[0]
    call = client.recv(4096)
    client.sendall(b"\x80\0\0\x18" + call[4:8] + b"\0\0\0\1" + b"\0" * 16)
    client.close()
END

start() { # GROUP
	"$CLI_FIXTURE" group "$1" true || failed "fixture"
	nsenter "--net=/run/netns/$1" ip link set lo up
	nsenter "--net=/run/netns/$1" ip link add glr0 type bridge
	nsenter "--net=/run/netns/$1" ip addr add 192.0.2.7/24 dev glr0
	nsenter "--net=/run/netns/$1" python3 "$work/nfs.py" &
	started="$! ${started:-}"
	"$CLI_FIXTURE" monitor "$1" &
	started="$! $started"
	wait_for "/run/glr/$1/control"
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		"$GLR_SERVER" status "$1" --of=lockrecover 2>/dev/null && return
		sleep 0.25
	done
	failed "$1 does not start"
}

# act ARGUMENT...: of glr-server; what attrd_updater was asked for in $out
act() {
	rm -f "$work/asked"
	err=$("$GLR_SERVER" "$@" 2>&1) || failed "status $?: $*"
	# It is asked in the background.
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		[ -s "$work/asked" ] && break
		sleep 0.3
	done
	out=$(cat "$work/asked" 2>/dev/null)
}

mkdir -p /run/glr/home /run/glr/calm /run/netns
mount --make-rshared /
start home
start calm
act status home --of=lockrecover
[ -z "$out" ] || failed "it was not Pacemaker who asked"
act --ocf status home --of=lockrecover
has "$out" '^--name glr-home --update phase=recovering clients=3 told=2 acknowledged=1 returned=1 missed=0 nfsv4=5 grace_end=20..-..-..T..:..:..Z epoch=4 nsm_state=9 list=clean addresses=192.0.2.7$'

act --ocf status calm --of=lockrecover
[ "$out" = '--name glr-calm --update phase=serving epoch=4 nsm_state=9 list=clean addresses=192.0.2.7' ] ||
	failed "attribute"
act --ocf status calm --of=lockrecover
[ -z "$out" ] || failed "nothing has changed"
touch -d '6 minutes ago' /run/glr/calm/attribute
act --ocf status calm --of=lockrecover
has "$out" '--update phase=serving'

recovery() { # MISSED: names as many
	echo "began_s=1763837352 duration_ms=38049 nsm_state=9 clients=90 acknowledged=2 returned=1 missed=$1"
	i=0
	while [ $i -lt "$1" ]; do
		echo "10.0.0.$((100 + i))"
		i=$((i + 1))
	done
	echo 'end=1'
}
recovery 2 >/run/glr/calm/recovery
act --ocf status calm --of=lockrecover
has "$out" ' phase=serving clients=90 acknowledged=2 returned=1 missed=2 began=2025-11-22T18:49:12Z duration_s=38 missed_clients=10.0.0.100,10.0.0.101 epoch=4 '
recovery 60 >/run/glr/calm/recovery
act --ocf status calm --of=lockrecover
has "$out" ' missed_clients=10.0.0.100,.*,10.0.0.122,\.\.\. epoch=4 '

touch "$work/hang"
began=$(date +%s)
act --ocf close calm
[ "$out" = '--name glr-calm --delete' ] || failed "close"
[ $(($(date +%s) - began)) -lt 5 ] || failed "it waited"
rm "$work/hang"
act --ocf close calm
[ -z "$out" ] || failed "it was deleted already"
# shellcheck disable=SC2086 # a list
kill $started
finish
