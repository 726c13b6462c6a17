#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# exec: inside the group's namespaces, with the command's exit status.
. "$(dirname "$0")/common.sh"
own_namespaces

run 105 exec home -- true
has "$err" 'not started on this node'
mkdir -p /run/glr/home /run/netns
mount --make-rshared /
"$CLI_FIXTURE" group home true || failed "fixture"
# Pins are mounts of this namespace and vanish with it.
run 0 exec home -- hostname
[ "$out" = home ] || failed "host name"
run 7 exec home -- sh -c 'exit 7'
run 0 exec home -- ls /sys/class/net /proc/self/ns
inside=$("$GROUP_LOCKRECOVER" exec home -- readlink /proc/self/ns/net)
[ -n "$inside" ] || failed "no namespace"
[ "$inside" != "$(readlink /proc/self/ns/net)" ] || failed "not another network"
run 0 exec home -- printf %s --directory
[ "$out" = --directory ] || failed "options behind the group are the command's"
run 127 exec home -- /no/such/command
run 126 exec home -- "$work"
finish
