# SPDX-License-Identifier: GPL-2.0-or-later
# meta-data: valid, readable by everybody, and true.
. "$here/common.sh"

valid() {
	(cd /usr/share/resource-agents && xmllint --noout --valid -) <"$work/out"
}

values() {
	xmllint --xpath "$1" "$work/out" 2>/dev/null | sed 's/^[^"]*"//; s/"$//'
}

# The parameters that an agent's source asks for.
grep -o 'OCF_RESKEY_[a-z][a-z_]*' "$work/agents/IPaddr2" | sed 's/^OCF_RESKEY_//' | sort -u >"$work/read.IPaddr2"
for name in device nfsserver lockrecover; do
	grep -ohE '(parameter(_or)?|check_[a-z_]*)\("[a-z_]+"|add_if_set\(words, "[a-z-]+", "[a-z_]+"' \
		"$here/../../helpers/agent_$name.c" "$here/../../helpers/agent.c" | sed 's/"$//; s/.*"//' | sort -u >"$work/read.$name"
done
sed -i '/^group$/d' "$work/read.device"

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
		true_that "$name reads $parameter" grep -qx "$parameter" "$work/read.$name"
	done
	while read -r read; do
		case $read in
		nic | arp_bg | network_namespace) [ $name = IPaddr2 ] && continue ;;
		esac
		true_that "$name declares $read" grep -q "name=\"$read\"" "$work/meta.$name"
	done <"$work/read.$name"

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
