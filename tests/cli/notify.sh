#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# notify: over a client list and over rpc.statd's directory, to clients that answer at every loopback address.
. "$(dirname "$0")/common.sh"
NOTIFY_CLIENTS=$(realpath "${NOTIFY_CLIENTS:-./bench/notify_clients}")
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
[ "${NOTIFY_INSIDE:-}" = yes ] || NOTIFY_INSIDE=yes exec unshare --net sh "$0"
own_namespaces
ip link set lo up
server=127.255.0.1

# grace N|Y: as /proc/fs/lockd says it, which needs no lockd here
mount -t tmpfs tmpfs /proc/fs
mkdir /proc/fs/lockd
grace() { echo "$1" >/proc/fs/lockd/nlm_end_grace; }

mkdir "$work/.glr" "$work/sm"
"$CLI_FIXTURE" list "$work/.glr" home 127.0.0.7 127.0.0.8 127.0.0.100 || failed "fixture"
cksum "$work/.glr/clients.0" "$work/.glr/clients.1" >"$work/before"
record='0100007f 000186b5 00000003 00000010 00000000000000000000000000000000'
touch "$work/sm/127.0.0.9"
echo "$record 127.0.0.10 node1" >"$work/sm/known.example.org"
"$NOTIFY_CLIENTS" --silent=1 >"$work/clients" & # 127.0.0.100 is
clients=$!
tries=0
until grep -q ready "$work/clients" || [ $tries = 200 ]; do
	sleep 0.05
	tries=$((tries + 1))
done

# What makes no sense.
grace N
run 64 notify --list "$work/.glr" --address nonsense
run 105 notify --list "$work/.glr" --address 10.255.255.1
has "$err" '10.255.255.1 is not an address of this network namespace'
run 66 notify --list "$work/absent" --address $server
mkdir "$work/broken"
head -c 65536 /dev/zero | tee "$work/broken/clients.0" >"$work/broken/clients.1"
run 65 notify --list "$work/broken" --address $server
run 66 notify --sm "$work/absent" --address $server
grace Y
run 107 notify --list "$work/.glr" --address $server
has "$err" 'loses the locks that it holds; --force overrides'
rm /proc/fs/lockd/nlm_end_grace
run 107 notify --sm "$work/sm" --address $server
has "$err" 'no telling whether'
grace N
mkdir -p /run/glr/home
"$CLI_FIXTURE" monitor home &
monitor=$!
wait_for /run/glr/home/control
run 107 notify --list "$work/.glr" --address $server
has "$err" "group home is started on this node .*use 'group-lockrecover recover home'"
kill $monitor
rm -r /run/glr/home

# A client list.
run 124 notify --list "$work/.glr" --address $server --state 77 --timeout 2
has "$out" '^3 clients: 3 told state 77, 2 acknowledged, 1 silent, 0 without an address'
has "$out" '^1 s: 2 of 3 clients have acknowledged$'
has "$out" '^silent: 127.0.0.100$'
hasnt "$out" '127.0.0.7'
run 124 notify --list "$work/.glr" --address $server --timeout 1 --output-as=xml
well_formed
has "$out" '<clients listed="3" told="3" acknowledged="2" silent="1" unaddressed="0"/>'
has "$out" '<client name="127.0.0.100" address="127.0.0.100" progress="silent"/>'
has "$out" '<status code="124" message="Timeout occurred"/>'
cksum "$work/.glr/clients.0" "$work/.glr/clients.1" | cmp -s - "$work/before" || failed "telling changed the list"

# It ends with the grace period, and goes on without one only when it must.
(sleep 1; grace Y) &
run 124 notify --list "$work/.glr" --address $server --timeout 20
has "$err" 'the grace period ended before all had acknowledged'
run 124 notify --list "$work/.glr" --address $server --timeout 1 --force
hasnt "$err" .
grace N

# rpc.statd's directory: addresses, and names with or without one.
run 0 notify --sm "$work/sm" --address $server,127.255.0.2 --name nfs,nfs.example.org
has "$out" '^2 clients: 2 told state [0-9]*[13579], 2 acknowledged'
touch "$work/sm/gone.example.org"
run 190 notify --sm "$work/sm" --address $server
has "$out" '^unaddressed: gone.example.org$'

# On a terminal the bar stays where it is.
bar=$(script -qec "$GROUP_LOCKRECOVER notify --sm $work/sm --address $server" /dev/null </dev/null)
printf '%s\n' "$bar" | tr '\r' '\n' | grep -q '^\[#*-*\] 2 of 3' || failed "no bar: $bar"
kill $clients
finish
