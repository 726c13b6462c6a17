# SPDX-License-Identifier: GPL-2.0-or-later
# The sample alert agent: one line to the system log when a recovery has ended, and nothing else.
. "$here/common.sh"

sample=$here/../../agents/alerts/alert_lockrecover.sh.sample
mkdir -p "$work/bin"
cat >"$work/bin/logger" <<-END
	#!/bin/sh
	printf '[%s]' "\$@" >>"$work/logged"
END
chmod 755 "$work/bin/logger"

# alert KIND NAME VALUE: what was logged in $logged
alert() {
	rm -f "$work/logged"
	env -i "PATH=$work/bin:$PATH" CRM_alert_version=2.1.5 "CRM_alert_kind=$1" "CRM_alert_attribute_name=$2" \
		"CRM_alert_attribute_value=$3" CRM_alert_node=s2 sh "$sample" >"$work/out" 2>"$work/err"
	code=$?
	logged=
	[ ! -e "$work/logged" ] || logged=$(cat "$work/logged")
}

logs() {
	true_that "alert: $1 (it logged '$logged')" [ "$code:$logged" = "0:$1" ]
}

alert attribute glr-home 'phase=recovering clients=4 told=4 acknowledged=2 returned=1 missed=0 nfsv4=1 grace_end=2026-11-22T18:49:12Z epoch=5 nsm_state=11 list=clean addresses=10.0.0.1'
logs ''
alert attribute glr-home 'phase=serving clients=4 acknowledged=4 returned=3 missed=0 began=2026-11-22T18:49:12Z duration_s=38 epoch=5 nsm_state=11 list=clean addresses=10.0.0.1'
logs '[-t][alert_lockrecover.sh.sample][-p][daemon.notice][--][group home was recovered by s2 in 38 s: 4 of 4 clients acknowledged]'
alert attribute glr-home 'phase=serving clients=4 acknowledged=2 returned=1 missed=2 began=2026-11-22T18:49:12Z duration_s=38 missed_clients=10.0.0.7,* epoch=5 nsm_state=11 list=clean addresses=10.0.0.1'
logs '[-t][alert_lockrecover.sh.sample][-p][daemon.warning][--][group home was recovered by s2 in 38 s: 2 of 4 clients acknowledged, 2 missed, which have lost their locks: 10.0.0.7,*]'
alert attribute glr-home 'phase=serving epoch=5 nsm_state=11 list=clean addresses=10.0.0.1'
logs ''
alert attribute glr-home ''
logs ''
alert attribute other 'phase=serving clients=4 acknowledged=2 missed=2 duration_s=38'
logs ''
alert resource glr-home 'phase=serving clients=4 acknowledged=2 missed=2 duration_s=38'
logs ''
command -v shellcheck >/dev/null || skip "needs shellcheck"
true_that "shellcheck the sample alert agent" shellcheck "$sample"
