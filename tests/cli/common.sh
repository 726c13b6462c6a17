# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the tests of the command line.  They run the programs of the build
# tree, which $GROUP_LOCKRECOVER and $CLI_FIXTURE name, and leave nothing behind.

# shellcheck disable=SC2034 # the tests use it
data=$(cd "$(dirname "$0")/../data" && pwd)
GROUP_LOCKRECOVER=$(realpath "${GROUP_LOCKRECOVER:-../helpers/group-lockrecover}")
CLI_FIXTURE=$(realpath "${CLI_FIXTURE:-./cli_fixture}")
export GROUP_LOCKRECOVER CLI_FIXTURE
failures=0

# Goes on in a mount and UTS namespace with a /run of its own and the host name node1.
own_namespaces() {
	if [ "${CLI_INSIDE:-}" != yes ]; then
		[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
		# On one processor: Linux 6.18 refuses to pin a mount namespace (EINVAL) that looks
		# older than the one it is pinned in, and each processor counts for itself.
		cpu=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
		CLI_INSIDE=yes exec taskset -c "$cpu" unshare --mount --uts --propagation private sh "$0"
	fi
	hostname node1
	mount -t tmpfs tmpfs /run
	work=$(mktemp -d)
	trap 'umount "$work"/? 2>/dev/null; rm -rf "$work"' EXIT
}

# run EXPECTED_STATUS ARGUMENT...: output in $out, errors in $err
run() {
	expected=$1
	shift
	out=$("$GROUP_LOCKRECOVER" "$@" 2>"${work:-/tmp}/err.$$")
	status=$?
	err=$(cat "${work:-/tmp}/err.$$")
	rm -f "${work:-/tmp}/err.$$"
	[ "$status" = "$expected" ] || failed "status $status instead of $expected: $*"
}

failed() {
	echo "FAILED: $1"
	echo "  stdout: $out"
	echo "  stderr: $err"
	failures=$((failures + 1))
}

# has TEXT PATTERN
has() {
	printf '%s\n' "$1" | grep -q -e "$2" || failed "no '$2'"
}

hasnt() {
	printf '%s\n' "$1" | grep -q -e "$2" && failed "'$2' is there"
}

# well_formed: $out is XML, and as the schema says
well_formed() {
	command -v xmllint >/dev/null || return 0
	printf '%s\n' "$out" | xmllint --noout --relaxng "$data/../../helpers/group-lockrecover-result.rng" - \
		2>"${work:-/tmp}/xml.$$" || failed "XML: $(cat "${work:-/tmp}/xml.$$")"
	rm -f "${work:-/tmp}/xml.$$"
}

have_pacemaker() {
	command -v crm_mon >/dev/null && command -v cibadmin >/dev/null
}

wait_for() {
	tries=0
	until [ -S "$1" ] || [ $tries = 100 ]; do
		sleep 0.05
		tries=$((tries + 1))
	done
}

finish() {
	[ "$failures" = 0 ] && exit 0
	exit 1
}
