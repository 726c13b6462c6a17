#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# recover: refuses where the cluster does not say that the group is ours.  Pacemaker's
# own tools read the cluster's state from a file.
. "$(dirname "$0")/common.sh"
have_pacemaker || { echo "needs Pacemaker's tools"; exit 77; }
own_namespaces

run 102 recover home
has "$err" 'no cluster manager runs on this node'
has "$err" '--force'

# as EXPRESSION: a cluster that differs from the sample
as() {
	sed "$1" "$data/cib.xml" >"$work/cib.xml"
	export CIB_file="$work/cib.xml"
}

as ''
run 105 recover nobody
has "$err" 'has group=nobody'
run 107 recover mail
has "$err" 'runs mail-nfs nowhere: start g-mail'
hostname node2
run 107 recover home
has "$err" 'runs home-nfs on node1 and this node is node2: run this on node1'
hostname node1
as 's/have-quorum="1"/have-quorum="0"/'
run 106 recover home
has "$err" 'no quorum'

# Allowed: from here on it is glr-server that answers, and nothing is started here.
as ''
"$GROUP_LOCKRECOVER" recover home >"$work/out" 2>&1
status=$?
case $status in
0 | 102 | 105 | 106 | 107) failed "status $status: $(cat "$work/out")" ;;
esac
as 's/have-quorum="1"/have-quorum="0"/'
"$GROUP_LOCKRECOVER" recover --force home >"$work/out" 2>&1
status=$?
case $status in
0 | 102 | 105 | 106 | 107) failed "status $status: $(cat "$work/out")" ;;
esac
finish
