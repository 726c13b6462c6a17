# SPDX-License-Identifier: GPL-2.0-or-later
# ocf:glr:lockrecover: what it gives to the helper, and what it refuses.
. "$here/common.sh"

agent lockrecover start group=home grace_s=90 lease_s=90 threads=16 server_names=nfs.example.org,10.0.0.1,fd00::1
expect 0 "[--ocf][open][home][--lock-manager=kernel][--server-names=nfs.example.org,10.0.0.1,fd00::1][--grace-s=90][--lease-s=90][--threads=16][--timeout-ms=17000]"
agent lockrecover stop group=home OCF_RESKEY_CRM_meta_timeout=90000
expect 0 "[--ocf][close][home][--timeout-ms=87000]"
agent lockrecover monitor group=home
expect 0 "[--ocf][status][home][--of=lockrecover][--timeout-ms=17000]"
agent lockrecover reload-agent group=home threads=32
expect 0 "[--ocf][reload][home][--of=lockrecover][--grace-s=40][--lease-s=30][--threads=32][--timeout-ms=17000]"
agent lockrecover validate-all group=home OCF_CHECK_LEVEL=10
expect 0 ''

for answer in 0 1 2 5 6 7 190; do
	for action in start stop monitor reload-agent; do
		agent lockrecover $action group=home STUB_CODE=$answer
		expect $answer
	done
done

for action in start validate-all reload-agent; do
	for bad in 0 9 3601 -40 40s 040 4e1 99999999999999999999; do
		agent lockrecover $action group=home "grace_s=$bad"
		expect 6 '' "grace_s='*' is not a number from 10 to 3600"
		agent lockrecover $action group=home "lease_s=$bad"
		expect 6 '' "lease_s='*' is not a number from 10 to 3600"
	done
	for bad in 0 1025 -1 many; do
		agent lockrecover $action group=home "threads=$bad"
		expect 6 '' "threads='*' is not a number from 1 to 1024"
	done
	agent lockrecover $action group=home grace_s=20
	expect 6 '' "grace_s=20 is less than lease_s=30*"
	# shellcheck disable=SC2016 # it is not to be expanded
	for bad in ',a' 'a,' 'a,,b' 'a b' 'a;b' '$(id)'; do
		agent lockrecover $action group=home "server_names=$bad"
		expect 6 '' "server_names='*' is not a list*"
	done
	agent lockrecover $action group=home lock_manager=dlm
	expect 6 '' "lock_manager='dlm' is not known*"
done
for action in start stop monitor validate-all reload-agent; do
	agent lockrecover $action
	expect 6 '' "group is missing*"
	agent lockrecover $action group=-
	expect 6 '' "group='-' is not a host name*"
done
