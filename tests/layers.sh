#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What keeps the parts apart: who may call and include what, and how long a file may get.
top=${srcdir:-.}/..
failures=0

forbid() { # WHY PATTERN FILE...
	why=$1 pattern=$2
	shift 2
	if found=$(grep -nE "$pattern" "$@" | grep -vE ':[0-9]+:[[:space:]]*/?\*'); then
		echo "$why:"
		echo "$found" | sed 's/^/    /'
		failures=$((failures + 1))
	fi
}

lib=$(ls "$top"/lib/*.c)
others() { # all of lib but the named files
	for file in $lib; do
		case " $* " in *" ${file##*/} "*) ;; *) echo "$file" ;; esac
	done
}

# shellcheck disable=SC2046,SC2086 # words
{
	forbid "the library does not fork, exit or look around" \
		'(^|[^_[:alnum:]])(main|fork|exit|getopt|getopt_long|getenv|system|popen)\(' $lib
	forbid "libxml2 belongs to cib.c" '<libxml/' $(others cib.c)
	forbid "the list knows nothing of notification or the monitor" 'glr__(notify|monitor)_' "$top"/lib/clientlist*.c
	forbid "the monitor does not notify" 'notify_private\.h|glr__notify_' "$top"/lib/monitor*.c
	forbid "notification does not know the monitor or the list" 'monitor_private\.h|glr__monitor_|glr_list_' "$top"/lib/notify*.c
	forbid "files are written by fileio.c" '(^|[^_[:alnum:]])(pwrite|fdatasync|fsync|ftruncate|fallocate|rename|renameat)\(' \
		$(others fileio.c)
	forbid "nobody looks names up" '(getaddrinfo|getnameinfo|gethostby[a-z_]*|res_n?(query|search))\(' \
		"$top"/lib/*.c "$top"/helpers/*.c
	forbid "agents leave the list files alone" 'clients\.[01]' "$top"/agents/*.in "$top"/helpers/agent*.c
	forbid "cts uses what is installed" 'glr_private\.h|libglrall' -r "$top/cts"
}

for file in "$top"/lib/*.c "$top"/helpers/*.c "$top"/tests/*.c; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 400 ] || { echo "$file has $lines lines: is an idea missing?"; failures=$((failures + 1)); }
done
for file in "$top"/lib/*.[ch] "$top"/helpers/*.[ch] "$top"/tests/*.[ch] "$top"/agents/[!M]*.in; do
	head -n 2 "$file" | grep -q SPDX-License-Identifier || { echo "$file names no licence"; failures=$((failures + 1)); }
done
[ $failures = 0 ]
