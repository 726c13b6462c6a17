#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds everything anew with a checker and runs the unit tests with it:
#   sanitize.sh [address|undefined|thread|valgrind]...
# The thread sanitizer runs what has a thread: the status monitor, whose writer it is.
top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/glr-sanitize.XXXXXX") || exit 1
chmod 1777 "$work" # the status monitor writes its reports unprivileged
passed=0
failed=0
export CK_TIMEOUT_MULTIPLIER=20 # all of them are slow

build() { # FLAGS TESTS
	rm -rf "$work/build"
	mkdir "$work/build" && cd "$work/build" || return 1
	# shellcheck disable=SC2086 # words
	"$top/configure" -q CFLAGS="-g -O1 -fno-omit-frame-pointer $1" LDFLAGS="$1" &&
		make -s -j "$(nproc)" && make -s -j "$(nproc)" -C tests $2 bench/notify_clients
}

# What comes from make check: automake's "# PASS: N" and the like.
total() { # WORD...
	total=0
	for word in "$@"; do
		total=$((total + $(sed -n "s/^# $word: *//p" "$work/output" | awk '{s+=$1} END {print s+0}')))
	done
	echo $total
}

units() { # tests in C, without those that match PATTERN
	sed -n '/^\(units\|fuzzers\) *=/,/[^\\]$/p' "$top/tests/Makefile.am" | tr '\\\n\t' '   ' | tr -s ' ' '\n' |
		grep -E '^(check_[a-z]|fuzz/)' | grep -vE "$1" | tr '\n' ' '
}

run() { # NAME FLAGS TESTS [LOG_COMPILER]
	began=$(date +%s)
	rm -rf "$work"/report.*
	export ASAN_OPTIONS="log_path=$work/report.asan"
	export UBSAN_OPTIONS="log_path=$work/report.ubsan:print_stacktrace=1"
	export TSAN_OPTIONS="log_path=$work/report.tsan"
	if ! build "$2" "$3" >"$work/output" 2>&1; then
		tail -n 20 "$work/output"
		failed=$((failed + 1))
		echo "$1: does not build"
		return
	fi
	built=$(date +%s)
	make -C tests check-TESTS TESTS="$3" LOG_COMPILER="$4" >"$work/output" 2>&1
	p=$(total PASS)
	f=$(total FAIL ERROR)
	[ $((p + f)) != 0 ] || f=1
	reports=$(find "$work" -maxdepth 1 -name 'report.*' -size +0)
	for report in $reports; do
		f=$((f + 1))
		sed 's/^/    /' "$report" | head -n 40
	done
	[ "$f" = 0 ] || grep -E '^(FAIL|ERROR)' "$work/output"
	[ "$f" = 0 ] || mv "$work/build/tests" "$work/tests-of-$1"
	passed=$((passed + p))
	failed=$((failed + f))
	echo "$1: $p passed, $f failed ($((built - began)) s to build, $(($(date +%s) - built)) s to run)"
}

[ $# != 0 ] || set -- address undefined thread valgrind
for checker in "$@"; do
	case $checker in
	address) run address -fsanitize=address "$(units none)" ;;
	undefined) run undefined -fsanitize=undefined "$(units none)" ;;
	thread)
		run thread -fsanitize=thread "$(units '^fuzz/' | tr ' ' '\n' | grep -E 'monitor|statd|hostile|log' | tr '\n' ' ')"
		;;
	valgrind)
		# Not the real programs: they have deadlines, and the address sanitizer for the same faults.
		options="-q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite"
		run valgrind "" "$(units 'statd|hostile|log')" "valgrind $options --log-file=$work/report.%p"
		;;
	*)
		echo "usage: $0 [address|undefined|thread|valgrind]..." >&2
		exit 1
		;;
	esac
done
rm -rf "$work/build"
if [ $failed = 0 ]; then
	rm -rf "$work"
else
	echo "what is left of it: $work"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
