# SPDX-License-Identifier: GPL-2.0-or-later
# The agents are plain sh, short, and quick.
. "$here/common.sh"
use_stub_server

command -v shellcheck >/dev/null || skip "needs shellcheck"
for name in device nfsserver IPaddr2 lockrecover; do
	true_that "shellcheck $name" shellcheck -s sh -x "$work/agents/$name"
	true_that "$name is at most 220 lines" [ "$(wc -l <"$work/agents/$name")" -le 220 ]
done
true_that "shellcheck glr-shellfuncs" shellcheck -s sh "$work/share/glr-shellfuncs"
for file in run common.sh "$here"/[0-9]*.sh; do
	true_that "shellcheck ${file##*/}" shellcheck -s sh -e SC1091,SC2154 "$here/${file##*/}"
done
