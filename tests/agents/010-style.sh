# SPDX-License-Identifier: GPL-2.0-or-later
# The agent that is a script is plain sh and short.
. "$here/common.sh"

command -v shellcheck >/dev/null || skip "needs shellcheck"
true_that "shellcheck IPaddr2" shellcheck -s sh -x "$work/agents/IPaddr2"
true_that "IPaddr2 is at most 220 lines" [ "$(wc -l <"$work/agents/IPaddr2")" -le 220 ]
for file in run common.sh "$here"/[0-9]*.sh; do
	true_that "shellcheck ${file##*/}" shellcheck -s sh -e SC1091,SC2154 "$here/${file##*/}"
done
