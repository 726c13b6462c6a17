# SPDX-License-Identifier: GPL-2.0-or-later
# Where there is no namespace an action forks nothing; ocf-shellfuncs is read for errors only.
. "$here/common.sh"

command -v strace >/dev/null || skip "needs strace"
strace -f -o /dev/null true 2>/dev/null || skip "this machine does not let strace trace"

# forks AGENT ACTION PARAMETER=VALUE...: how many processes the agent made
forks() {
	name=$1 action=$2
	shift 2
	for word; do
		shift
		set -- "$@" "OCF_RESKEY_$word"
	done
	env -i "PATH=$PATH" OCF_ROOT="${OCF_ROOT:-/usr/lib/ocf}" "$@" strace -f -qq -e trace=process,openat \
		-o "$work/trace" "$work/agents/$name" "$action" >/dev/null 2>&1
	grep -cE '(fork|clone3?)\(' "$work/trace"
}

no_forks() {
	count=$(forks "$@")
	true_that "$1 $2 does not fork (it did $count times)" [ "$count" -eq 0 ]
	true_that "$1 $2 does not read ocf-shellfuncs" [ "$(grep -c ocf-shellfuncs "$work/trace")" -eq 0 ]
}

count=$(forks IPaddr2 start)
true_that "the trace shows processes (the report of an error made $count)" [ "$count" -gt 0 ]

for action in monitor stop meta-data; do
	no_forks IPaddr2 $action group=no-such-group ip=192.0.2.1 cidr_netmask=24
done
