#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
. "$(dirname "$0")/common.sh"

run 64
has "$err" '^Usage: group-lockrecover VERB'
run 64 nonsense
has "$err" 'no such verb: nonsense'
run 0 --version
has "$out" '^group-lockrecover [0-9]'
run 0 --help
verbs=$(printf '%s\n' "$out" | sed -n 's/^  \([a-z-]*\) .*/\1/p')
[ "$(printf '%s' "$verbs" | tr '\n' ' ')" = "status list notify recover end-grace release import exec verify config" ] ||
	failed "verbs: $verbs"
for verb in $verbs; do
	run 0 "$verb" --help
	has "$out" "^Usage: group-lockrecover $verb "
	has "$out" '^  [^ ]'
	run 64 "$verb" --no-such-option
	has "$err" "^Usage: group-lockrecover $verb "
	[ -z "$out" ] || failed "usage error on standard output"
done

run 64 list
run 64 list a b
run 64 list --file /tmp a
run 64 notify
run 64 notify --sm /tmp --list /tmp --address 127.0.0.1
run 64 notify --sm /tmp
run 64 notify --sm /tmp --address 127.0.0.1 --state 8
run 64 notify --sm /tmp --address 127.0.0.1 --timeout 0
run 64 notify --sm /tmp --address 127.0.0.1 home
run 64 recover
run 64 recover a b
run 64 exec
run 64 exec a
run 64 exec a --
run 64 exec a true
run 64 verify a b
run 64 verify --repair
run 64 end-grace
run 64 end-grace a b
run 64 release a
run 64 release a b
has "$err" 'b is not an IP address'
run 64 release a 10.0.0.1 10.0.0.2
run 64 import a
run 64 import --from /tmp
run 64 import a b --from /tmp
run 64 status --output-as=html
has "$err" '^Usage: group-lockrecover status '
finish
