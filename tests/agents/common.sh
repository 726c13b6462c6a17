# shellcheck shell=sh disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the tests.  ./run has put the agents into $work.

# The agents that are glr-server by another name: the real one.
use_real_server() {
	[ -x "$GLR_SERVER" ] || skip "there is no $GLR_SERVER: build it, or set GLR_SERVER"
	for real in device nfsserver lockrecover; do
		ln -sfn "$GLR_SERVER" "$work/agents/$real"
	done
}

skip() {
	echo "SKIPPED: $1"
	exit 77
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

pass() {
	echo "$1" >>"$work/passed"
}

fail() {
	echo "FAILED: $1"
	[ ! -s "$work/err" ] || sed 's/^/    /' "$work/err"
	echo "$1" >>"$work/failed"
}

# agent NAME ACTION [PARAMETER=VALUE]...: answer in $code, what the helper got in
# $args, the exit reason in $reason.  Words in capitals are set as they are.
agent() {
	asked_agent=$1 asked_action=$2
	shift 2
	for word; do
		shift
		case $word in
		[A-Z]*) set -- "$@" "$word" ;;
		*) set -- "$@" "OCF_RESKEY_$word" ;;
		esac
	done
	rm -f "$work/args"
	env -i "PATH=$PATH" "OCF_ROOT=${OCF_ROOT:-/usr/lib/ocf}" OCF_RESOURCE_INSTANCE=test "STUB_ARGS=$work/args" "$@" \
		"$work/agents/$asked_agent" "$asked_action" >"$work/out" 2>"$work/err"
	code=$?
	args=
	[ ! -e "$work/args" ] || args=$(cat "$work/args")
	reason=$(sed -n 's/^ocf-exit-reason://p' "$work/err")
}

# expect CODE [ARGS [REASON]]: checks the last answer; REASON is a pattern
expect() {
	what="$asked_agent $asked_action: $*"
	if [ "$code" != "$1" ]; then
		fail "$what: status $code"
	elif [ $# -ge 2 ] && [ "$args" != "$2" ]; then
		fail "$what: arguments are $args"
	elif [ $# -ge 3 ]; then
		# shellcheck disable=SC2254 # a pattern
		case $reason in
		$3) pass "$what" ;;
		*) fail "$what: reason is '$reason'" ;;
		esac
	else
		pass "$what"
	fi
}

# true_that WHAT COMMAND...: checks that a command succeeds
true_that() {
	what=$1
	shift
	if "$@" >"$work/err" 2>&1; then
		pass "$what"
	else
		fail "$what"
	fi
}
