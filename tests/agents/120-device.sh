# SPDX-License-Identifier: GPL-2.0-or-later
# ocf:glr:device: what it gives to the helper, and what it refuses.
. "$here/common.sh"

agent device start device=/dev/vg/home
expect 0 "[--ocf][device][start][/dev/vg/home][--timeout-ms=17000]"
agent device stop "device=/dev/vg/home /dev/vg/h*" OCF_RESKEY_CRM_meta_timeout=60000
expect 0 "[--ocf][device][stop][/dev/vg/home][/dev/vg/h*][--timeout-ms=57000]"
agent device monitor "device= /dev/null  /dev/zero "
expect 0 "[--ocf][device][status][/dev/null][/dev/zero][--timeout-ms=17000]"
agent device validate-all device=/dev/no-such-device
expect 0 ''
agent device validate-all device=/dev/no-such-device OCF_CHECK_LEVEL=10
expect 5 '' "/dev/no-such-device is no block device*"
agent device reload-agent device=/dev/vg/home
expect 0 ''

for answer in 0 1 2 5 6 7; do
	for action in start stop monitor; do
		agent device $action device=/dev/vg/home STUB_CODE=$answer
		expect $answer
	done
done

for action in start stop monitor validate-all; do
	agent device $action
	expect 6 '' "device is missing*"
	agent device $action "device= "
	expect 6 '' "device is missing*"
	agent device $action "device=/dev/a UUID=b"
	expect 6 '' "device='UUID=b' is not an absolute path"
done
