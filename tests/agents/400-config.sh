# shellcheck shell=sh disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# 'group-lockrecover config': refused by the agents' own checks, taken by crmsh, pcs and Pacemaker.
. "$here/common.sh"

need_root
cli=$(dirname "$GLR_SERVER")/group-lockrecover
[ -x "$cli" ] || skip "there is no $cli: build it"
if [ "${INSIDE:-}" != yes ]; then
	INSIDE=yes exec unshare --mount --propagation private sh "$0"
fi
provider=/usr/lib/ocf/resource.d/glr
[ -d "${provider%/glr}" ] || skip "needs resource-agents"
cp -r "${provider%/glr}" "$work/resource.d"
mount --bind "$work/resource.d" "${provider%/glr}"
mkdir -p "$provider"
cp "$work"/agents/* "$provider/"

config() { # ARGUMENT...: of a group that is well but for these, which come later
	"$cli" config --name home --device /dev/vg/home --directory /srv/home --ip 10.0.0.10/24 --nic eth0 \
		--export '/srv/home/data 10.0.0.0/8(rw,no_subtree_check)' "$@" >"$work/out" 2>"$work/said"
}

refused() { # CODE PATTERN ARGUMENT...
	wanted=$1 pattern=$2
	shift 2
	config "$@"
	code=$?
	true_that "config $* is refused" [ $code = "$wanted" ]
	true_that "config $* says why" grep -q "$pattern" "$work/said"
	true_that "config $* prints no resource" [ ! -s "$work/out" ]
}

refused 64 'is not a host name' --name bad_name
refused 64 'prefix' --ip 10.0.0.11
refused 64 'prefix' --ip fd00::1/129
refused 65 'directory=' --directory home
refused 65 'link=' --link cable
refused 65 'grace_s=' --grace soon
"$cli" config --name home >"$work/out" 2>"$work/said"
true_that "config without a directory is refused" [ $? = 64 ]
true_that "config says which option is missing" grep -q -e '--directory is missing' "$work/said"

for format in crm pcs; do
	true_that "config for $format" config --format $format --ip fd00::10/64 --gateway 10.0.0.1 --grace 60 \
		--export "/srv/home/it's *(ro)"
	cp "$work/out" "$work/config.$format"
done

# valid CIB: Pacemaker has nothing against it, and every parameter arrived
valid() { # FORMAT CIB
	true_that "crm_verify of the group for $1" crm_verify --xml-file "$2"
	true_that "$1 took all resources" [ "$(grep -c '<primitive .*class="ocf"' "$2")" = 6 ]
	true_that "$1 took the exports" grep -q 'no_subtree_check);/srv/home/it.*s \*(ro)' "$2"
	true_that "$1 took on-fail" grep -q 'on-fail="fence"' "$2"
	true_that "the group by $1 starts" [ -z "$(grep 'value="Stopped"' "$2")" ]
}

new_cib() {
	cibadmin --empty | sed 's/<cib /<cib have-quorum="1" /' >"$1"
	CIB_file=$1 crm_attribute --name stonith-enabled --update false >/dev/null 2>&1
}

if command -v crm >/dev/null; then
	new_cib "$work/crm.xml"
	true_that "crmsh loads it" env CIB_file="$work/crm.xml" crm --force configure load update "$work/config.crm"
	valid crm "$work/crm.xml"
fi
if command -v pcs >/dev/null; then
	new_cib "$work/pcs.xml"
	sed "s|^pcs |pcs -f $work/pcs.xml |" "$work/config.pcs" >"$work/pcs.sh"
	true_that "pcs runs it" sh -e "$work/pcs.sh"
	valid pcs "$work/pcs.xml"
fi
exit 0
