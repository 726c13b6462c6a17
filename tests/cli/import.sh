#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# import: what rpc.statd and ocf:heartbeat:nfsserver leave behind, into a list on disk and into one that is served.
. "$(dirname "$0")/common.sh"
own_namespaces

record='0100007f 000186b5 00000003 00000010 00000000000000000000000000000000'
mkdir -p "$work/nfs/sm" "$work/nfs/sm.bak" "$work/nfs/sm.ha/sm" "$work/info/statd/sm" "$work/empty" "$work/a"
touch "$work/nfs/sm/10.0.0.7" "$work/nfs/sm.bak/10.0.0.8" "$work/nfs/sm.ha/sm/10.0.0.7"
echo "$record 10.0.0.9 node1" >"$work/nfs/sm/known.example.org"
echo "$record fd00::a node1" >"$work/info/statd/sm/six.example.org"
touch "$work/info/statd/sm/gone.example.org"
head -c 500 /dev/urandom >"$work/info/statd/sm/garbage"

# Where nothing can be imported, nothing is made.
run 66 import home --from "$work/nfs" --directory "$work/a"
has "$err" 'nothing is mounted'
run 66 import home --from "$work/absent" --directory "$work/a"
[ -e "$work/a/.glr" ] && failed "a state directory was made"
mount -t tmpfs --make-private tmpfs "$work/a"
run 64 import 'a home' --from "$work/nfs" --directory "$work/a"
has "$err" 'is not a host name'

# The first import makes the list; the next ones only add.
run 0 import home --from "$work/nfs" --directory "$work/a"
has "$out" '^home: 4 clients are on the list, 3 of them are new; 0 files were skipped$'
run 0 import home --from "$work/nfs/sm" --directory "$work/a"
has "$out" '^home: 2 clients are on the list, 0 of them are new'
run 190 import home --from "$work/info" --directory "$work/a"
has "$out" '^home: 1 clients are on the list, 1 of them are new; 2 files were skipped$'
has "$err" "$work/info/statd/sm/gone.example.org: skipped: no client's address"
has "$err" "$work/info/statd/sm/garbage: skipped"
run 0 import home --from "$work/empty" --directory "$work/a"
run 0 list --file "$work/a/.glr"
[ "$(printf '%s\n' "$out" | sed 's/ .*//' | sort | tr '\n' ' ')" = "10.0.0.7 10.0.0.8 10.0.0.9 fd00::a " ] ||
	failed "other clients"
[ "$(stat -c %a "$work/a/.glr")" = 700 ] || failed "others can read the state directory"
run 107 import mail --from "$work/nfs" --directory "$work/a"
has "$err" "another group's list"

# A damaged list is imported into after a copy was kept.
offset=$(grep -abo '10.0.0.7' "$work/a/.glr/clients.0" | head -n 1 | cut -d: -f1)
printf 'X' | dd of="$work/a/.glr/clients.0" bs=1 seek="$offset" conv=notrunc status=none
run 0 import home --from "$work/nfs" --directory "$work/a"
run 190 list --file "$work/a/.glr"
[ "$(printf '%s\n' "$out" | wc -l)" = 4 ] || failed "a client is missing"
[ -n "$(find "$work/a/.glr" -name 'clients.broken-*')" ] || failed "no copy was kept"

# A group that is started does it itself, as many clients at a time as a request holds.
mkdir -p /run/glr/home "$work/many"
for net in 1 2 3; do
	(cd "$work/many" && seq -f "10.1.$net.%g" 200 | xargs touch)
done
"$CLI_FIXTURE" monitor home >"$work/told" &
home=$!
wait_for /run/glr/home/control
run 107 import home --from "$work/nfs" --directory "$work/a"
run 0 import home --from "$work/many"
[ "$(grep -c '^import names=' "$work/told")" -gt 1 ] || failed "one request for all"
[ "$(sed 's/.*=//' "$work/told" | tr , '\n' | sort -u | wc -l)" = 600 ] || failed "not all were told"
kill $home
wait $home 2>/dev/null
run 69 import home --from "$work/nfs"
rm -r /run/glr/home

have_pacemaker || finish
run 102 import home --from "$work/nfs"
has "$err" 'use --directory'
CIB_file="$work/cib.xml"
export CIB_file
sed "s|/srv/home &amp; co|$work/a|" "$data/cib.xml" >"$CIB_file"
run 105 import nobody --from "$work/nfs"
run 0 import home --from "$work/nfs"
[ -e "$work/a/.state/clients.0" ] || failed "not in the cluster's state_dir"
hostname node2
run 107 import home --from "$work/nfs"
has "$err" 'runs on node1'

# nfsdcld's NFSv4 clients: those of the epoch that is, and in grace those of the one before.
mkdir -p "$work/v4/sm" "$work/v4/nfsdcld" "$work/b"
mount -t tmpfs --make-private tmpfs "$work/b"
database() { # CURRENT RECOVERY
	rm -f "$work/v4/nfsdcld/main.sqlite"
	python3 - "$work/v4/nfsdcld/main.sqlite" "$1" "$2" <<-'end'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("CREATE TABLE grace (current INTEGER, recovery INTEGER)")
		db.execute("INSERT INTO grace VALUES (?, ?)", sys.argv[2:])
		db.execute('CREATE TABLE "rec-000000000000000a" (id BLOB PRIMARY KEY)')
		db.execute('INSERT INTO "rec-000000000000000a" VALUES (?)', (b"before",))
		db.execute('CREATE TABLE "rec-000000000000000b" (id BLOB PRIMARY KEY, princhash BLOB)')
		db.executemany('INSERT INTO "rec-000000000000000b" VALUES (?, ?)',
			       [(b"Linux NFSv4.2 c1", None), (b"\x00\xffc2", bytes(32))])
		db.commit()
	end
}
database 11 0
run 0 import home --from "$work/v4" --directory "$work/b"
has "$out" '^home: 2 NFSv4 clients may reclaim$'
database 11 10
run 0 import home --from "$work/v4" --directory "$work/b"
has "$out" '^home: 3 NFSv4 clients may reclaim$'
run 0 list --file "$work/b/.glr"
[ "$(printf '%s\n' "$out" | grep -c -e 'before' -e 'Linux NFSv4.2 c1' -e 'x00.xffc2')" = 3 ] ||
	failed "other NFSv4 clients"
database 12 0
run 65 import home --from "$work/v4" --directory "$work/b"
head -c 5000 /dev/urandom >"$work/v4/nfsdcld/main.sqlite"
run 65 import home --from "$work/v4" --directory "$work/b"
has "$err" 'is not a database of nfsdcld'
finish
