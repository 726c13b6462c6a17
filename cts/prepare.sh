# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by ./demo and ./check, which set root, and may set more_packages: packages, build, and a line per step.
: "${root:?}"

packages="autoconf automake libtool make gcc libc6-dev pkg-config libqb-dev libtirpc-dev libxml2-dev libcap-dev libmnl-dev
	libsqlite3-dev uuid-dev check libxml2-utils xsltproc shellcheck python3 user-mode-linux pacemaker pacemaker-cli-utils
	corosync resource-agents nfs-kernel-server nfs-common rpcbind iproute2 iputils-ping iputils-arping kmod psmisc procps
	e2fsprogs tcpdump patch man-db util-linux strace dmsetup nftables ${more_packages:-}"

log=
begin() { # STEP
	printf '%-58s ' "$1"
	step_began=$(date +%s)
}

end() { # RESULT
	printf '%s (%d s)\n' "$1" $(($(date +%s) - step_began))
}

# Runs a step with its output in the log; a failure shows the end of it.
step() { # DESCRIPTION COMMAND...
	begin "$1"
	shift
	if "$@" >>"$log" 2>&1; then
		end ok
		return 0
	fi
	end FAILED
	tail -n 40 "$log" | sed 's/^/    /'
	echo "    the whole log: $log"
	return 1
}

install_packages() {
	missing=
	for package in $packages; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	# The lab starts its own servers: the machine must not start them too.
	policy=/usr/sbin/policy-rc.d
	ours=
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=yes
	fi
	# shellcheck disable=SC2086 # words
	apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
	result=$?
	[ -z "$ours" ] || rm -f "$policy"
	return $result
}

build() {
	[ -x "$root/configure" ] || (cd "$root" && autoreconf -fi) || return 1
	mkdir -p "$root/build" && cd "$root/build" || return 1
	[ -f config.status ] || ../configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
		--libexecdir=/usr/libexec --enable-werror || return 1
	make -j "$(nproc)"
}

# The status monitor's user, which a package would make.
make_user() {
	getent passwd _glr >/dev/null ||
		useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin _glr
}

prepare() {
	if [ "$(id -u)" != 0 ]; then
		echo "$0: it boots kernels and makes network namespaces: run it as root (sudo $0)" >&2
		exit 1
	fi
	log=$(mktemp /var/tmp/group-lockrecover-log.XXXXXX)
	step "packages (apt-get)" install_packages || exit 1
	step "user _glr" make_user || exit 1
	step "build" build || exit 1
}
