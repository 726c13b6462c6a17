#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# status: no group, groups that answer, and monitors that do not.
. "$(dirname "$0")/common.sh"
own_namespaces

run 0 status
has "$out" 'no group is started on this node'
run 0 status --output-as=xml
well_formed
run 105 status home
has "$err" 'home is not started on this node'
run 105 status ../../tmp

mkdir -p /run/glr/home /run/glr/sick /run/glr/mute /run/glr/stopped
"$CLI_FIXTURE" monitor home &
home=$!
wait_for /run/glr/home/control
run 0 status
has "$out" '^home: recovering, at most 12 s of grace left$'
has "$out" 'clients: 3 on the list, 2 told, 1 acknowledged, 1 back, 0 missed; 5 over NFSv4'
has "$out" 'epoch: 4, NSM state 9'
has "$out" 'list: clean, writable'
hasnt "$out" 'last error'
hasnt "$out" 'stopped'
run 0 status --output-as xml home
well_formed
has "$out" '<group name="home" phase="recovering" grace-left-ms="11500" epoch="4" nsm-state="9">'
has "$out" '<clients listed="3" told="2" acknowledged="1" back="1" missed="0" nfsv4="5"/>'
has "$out" '<list condition="clean" writable="true"/>'

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

# One that is dead does not hide the other.
kill $sick
wait $sick 2>/dev/null
run 69 status sick home
has "$err" 'status monitor of group sick is dead'
has "$out" '^home: recovering'

"$CLI_FIXTURE" mute mute &
mute=$!
wait_for /run/glr/mute/control
run 124 status --output-as=xml mute
well_formed
has "$out" '<error>the status monitor of group mute does not answer'
kill $home $mute
finish
