# SPDX-License-Identifier: GPL-2.0-or-later
# meta-data: valid, readable by everybody, and true.
. "$here/common.sh"
use_stub_server

valid() {
	(cd /usr/share/resource-agents && xmllint --noout --valid -) <"$work/out"
}

values() {
	xmllint --xpath "$1" "$work/out" 2>/dev/null | sed 's/^[^"]*"//; s/"$//'
}

for name in device nfsserver IPaddr2 lockrecover; do
	agent $name meta-data
	expect 0 ''
	true_that "$name meta-data is valid" valid
	true_that "$name meta-data names the agent" [ "$(values '/resource-agent/@name')" = $name ]
	cp "$work/out" "$work/meta.$name"
	[ "$(id -u)" != 0 ] ||
		true_that "nobody may read $name meta-data" su nobody -s /bin/sh -c "$work/agents/$name meta-data"

	# Each action that is declared exists, and each parameter is read.
	for declared in $(values '/resource-agent/actions/action/@name' | sort -u); do
		agent $name "$declared"
		true_that "$name has $declared" [ "$code" != 3 ]
	done
	cp "$work/meta.$name" "$work/out"
	for parameter in $(values '//parameter/@name'); do
		true_that "$name reads $parameter" grep -q "OCF_RESKEY_$parameter\b" "$work/agents/$name"
	done
	# shellcheck disable=SC2013 # words
	for read in $(grep -o 'OCF_RESKEY_[a-z][a-z_]*' "$work/agents/$name" | sort -u); do
		case ${read#OCF_RESKEY_} in
		nic | arp_bg | network_namespace) [ $name = IPaddr2 ] && continue ;;
		esac
		true_that "$name declares $read" grep -q "name=\"${read#OCF_RESKEY_}\"" "$work/meta.$name"
	done

	agent $name promote
	expect 3 ''
	agent $name usage
	expect 0 ''
done

default_of() {
	cp "$work/meta.$1" "$work/out"
	values "//parameter[@name='$2']/content/@default"
}

agent lockrecover start group=home
expect 0 "[--ocf][open][home][--lock-manager=$(default_of lockrecover lock_manager)][--grace-s=$(default_of lockrecover grace_s)][--lease-s=$(default_of lockrecover lease_s)][--threads=$(default_of lockrecover threads)][--timeout-ms=17000]"
agent nfsserver start group=home directory=/srv/home nic=eth0
expect 0 "[--ocf][start][home][--directory=/srv/home][--link=$(default_of nfsserver link)][--nic=eth0][--timeout-ms=17000]"
