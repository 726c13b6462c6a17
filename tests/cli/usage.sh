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
for verb in status list notify recover exec verify config; do
	has "$out" "^  $verb "
done
for verb in status list notify recover exec verify config; do
	run 0 $verb --help
	has "$out" "^Usage: group-lockrecover $verb "
	run 64 $verb --no-such-option
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
run 64 verify --directory /tmp a
run 64 status --output-as=html
has "$err" '^Usage: group-lockrecover status '
finish
