#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# list: from the files of a state directory, and from a monitor.
. "$(dirname "$0")/common.sh"
own_namespaces

mkdir "$work/.glr"
run 66 list --file "$work/.glr"
has "$err" 'give the state directory'
run 66 list --file "$work/absent"

"$CLI_FIXTURE" list "$work/.glr" home 10.0.0.7 fd00::7 10.0.0.8 || failed "fixture"
cksum "$work/.glr/clients.0" "$work/.glr/clients.1" >"$work/before"
run 0 list --file "$work/.glr"
[ "$(printf '%s\n' "$out" | wc -l)" = 3 ] || failed "not three clients"
has "$out" '^10.0.0.7 .* 10.0.0.7 .* NFSv3 listed$'
has "$out" '^fd00::7 '
run 0 list --output-as=xml --file "$work/.glr"
well_formed
has "$out" '<list group="home" condition="clean">'
has "$out" '<client name="10.0.0.8" address="10.0.0.8" kind="NFSv3" progress="listed"/>'
has "$out" '<status code="0" message="OK"/>'
cksum "$work/.glr/clients.0" "$work/.glr/clients.1" | cmp -s - "$work/before" || failed "looking changed the list"

# Damage before valid records: the first client's name.
offset=$(grep -abo '10.0.0.7' "$work/.glr/clients.0" | head -n 1 | cut -d: -f1)
printf 'X' | dd of="$work/.glr/clients.0" bs=1 seek="$offset" conv=notrunc status=none
run 190 list --file "$work/.glr"
has "$out" '^10.0.0.8 '
has "$err" 'salvaged'

for slot in 0 1; do
	head -c 65536 /dev/zero >"$work/.glr/clients.$slot"
done
run 65 list --file "$work/.glr"
has "$err" 'neither clients.0 nor clients.1'
run 65 list --output-as=xml --file "$work/.glr"
well_formed
has "$out" '<error>.*neither'

run 105 list home
has "$err" 'not started on this node'
mkdir -p /run/glr/home /run/glr/sick
"$CLI_FIXTURE" monitor home 10.0.0.7 fd00::7 &
home=$!
"$CLI_FIXTURE" monitor sick 10.0.0.9 &
sick=$!
wait_for /run/glr/home/control
wait_for /run/glr/sick/control
run 0 list home
has "$out" '^fd00::7 .* sent$'
run 69 list sick
has "$out" '^10.0.0.9 '
run 0 list home --output-as=xml
well_formed
has "$out" '<client name="10.0.0.7" address="10.0.0.7" kind="NFSv3" progress="sent"/>'
kill $home $sick
finish
