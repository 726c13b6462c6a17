# SPDX-License-Identifier: GPL-2.0-or-later
# ocf:glr:nfsserver: what it gives to the helper, and what it refuses.
. "$here/common.sh"

home="group=home directory=/srv/home nic=eth0"

# shellcheck disable=SC2086 # words
{
	agent nfsserver start $home
	expect 0 "[--ocf][start][home][--directory=/srv/home][--link=macvlan][--nic=eth0][--timeout-ms=17000]"
	agent nfsserver start $home CRM_ignored=1 OCF_RESKEY_CRM_meta_timeout=60000
	expect 0 "[--ocf][start][home][--directory=/srv/home][--link=macvlan][--nic=eth0][--timeout-ms=57000]"
	agent nfsserver start $home OCF_RESKEY_CRM_meta_timeout=never
	expect 0 "[--ocf][start][home][--directory=/srv/home][--link=macvlan][--nic=eth0][--timeout-ms=17000]"
	agent nfsserver start $home state_dir=/srv/home/state link=veth "exports=/srv/home/a *(rw); /srv/home/b 10.0.0.0/8(ro)"
	expect 0 "[--ocf][start][home][--directory=/srv/home][--link=veth][--nic=eth0][--exports=/srv/home/a *(rw); /srv/home/b 10.0.0.0/8(ro)][--state-dir=/srv/home/state][--timeout-ms=17000]"
	agent nfsserver start $home "exports=/a *(rw)
/b *(ro)"
	expect 0 "[--ocf][start][home][--directory=/srv/home][--link=macvlan][--nic=eth0][--exports=/a *(rw)
/b *(ro)][--timeout-ms=17000]"
	agent nfsserver start $home exports_file=/etc/exports.home
	expect 0 "[--ocf][start][home][--directory=/srv/home][--link=macvlan][--nic=eth0][--exports-file=/etc/exports.home][--timeout-ms=17000]"
	agent nfsserver start $home gateway=10.0.0.1,fd00::1
	expect 0 "[--ocf][start][home][--directory=/srv/home][--link=macvlan][--nic=eth0][--gateway=10.0.0.1,fd00::1][--timeout-ms=17000]"
	agent nfsserver start group=home directory=/srv/home link=none
	expect 0 "[--ocf][start][home][--directory=/srv/home][--link=none][--timeout-ms=17000]"
	agent nfsserver stop $home
	expect 0 "[--ocf][stop][home][--directory=/srv/home][--timeout-ms=17000]"
	agent nfsserver stop $home state_dir=/srv/home/state
	expect 0 "[--ocf][stop][home][--directory=/srv/home][--state-dir=/srv/home/state][--timeout-ms=17000]"
	agent nfsserver monitor $home
	expect 0 "[--ocf][status][home][--of=nfsserver][--timeout-ms=17000]"
	agent nfsserver reload-agent $home "exports=/srv/home *(rw)"
	expect 0 "[--ocf][reload][home][--of=nfsserver][--exports=/srv/home *(rw)][--timeout-ms=17000]"

	agent nfsserver validate-all $home
	expect 0 ''
	agent nfsserver validate-all $home OCF_CHECK_LEVEL=10
	expect 0 "[--ocf][validate][home][--directory=/srv/home][--link=macvlan][--nic=eth0][--timeout-ms=17000]"

	# The helper's answers are the agent's, its reason too.
	for answer in 0 1 2 5 6 7 190; do
		for action in start stop monitor reload-agent; do
			agent nfsserver $action $home STUB_CODE=$answer
			case $action in
			stop) expect $answer "[--ocf][stop][home][--directory=/srv/home][--timeout-ms=17000]" "from the helper" ;;
			*) expect $answer ;;
			esac
		done
	done

	for action in start validate-all reload-agent; do
		agent nfsserver $action $home link=carrier-pigeon
		expect 6 '' "link='carrier-pigeon' is not known*"
		agent nfsserver $action group=home directory=/srv/home
		expect 6 '' "nic is missing*"
		agent nfsserver $action $home state_dir=.glr
		expect 6 '' "state_dir='.glr' is not an absolute path"
		agent nfsserver $action $home exports_file=exports
		expect 6 '' "exports_file='exports' is not an absolute path"
		agent nfsserver $action $home exports_file=/e "exports=/a *(rw)"
		expect 6 '' "exports and exports_file are both set*"
	done
	for action in start stop validate-all; do
		agent nfsserver $action group=home nic=eth0
		expect 6 '' "directory is missing"
		agent nfsserver $action group=home directory=srv/home nic=eth0
		expect 6 '' "directory='srv/home' is not an absolute path"
	done
	long=a123456789a123456789a123456789a123456789a123456789a123456789abc
	for action in start stop monitor validate-all reload-agent; do
		agent nfsserver $action directory=/srv/home nic=eth0
		expect 6 '' "group is missing*"
		for bad in -home home- 'ho me' home/../etc . .. home.lab "${long}d"; do
			agent nfsserver $action "group=$bad" directory=/srv/home nic=eth0
			expect 6 '' "group='*' is not a host name*"
		done
		agent nfsserver $action group=$long directory=/srv/home nic=eth0
		expect 0
	done
	agent nfsserver monitor
	expect 6 '' "group is missing*"
}
