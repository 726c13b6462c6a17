#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the checkers have against scripts, XML, manual pages and packages: lint.sh BUILD
# BUILD/packages holds the packages.
top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd) || exit 1
cd "$top" || exit 1
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Whatever the command says counts against it too.
quiet() { # WHAT COMMAND...
	what=$1
	shift
	if "$@" >"$work/output" 2>&1 && [ ! -s "$work/output" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAILED: $what"
	sed 's/^/    /' "$work/output"
}

files() { # FIND-EXPRESSION...: in the sources
	find . -path ./build -prune -o -path ./.git -prune -o -path ./autom4te.cache -prune -o -path ./build-aux -prune -o \
		-path ./m4 -prune -o -type f "$@" -print | sort
}

# Sourced files name their shell in a directive, scripts in their first line.
for file in $(files ! -name configure ! -name '*~'); do
	head -n 1 "$file" | grep -qaE '^#!.*sh$|^# shellcheck shell=' || continue
	case $file in
	# Variables of who sources them.
	./tests/agents/* | ./tests/cli/*) quiet "shellcheck $file" shellcheck -x -e SC1091,SC2015,SC2034,SC2154 "$file" ;;
	*) quiet "shellcheck $file" shellcheck -x -e SC1091 "$file" ;;
	esac
done

for file in $(files -name '*.xml' ! -name bomb.xml) $(files -name '*.xsl') $(files -name '*.rng'); do
	quiet "xmllint $file" xmllint --noout --nonet "$file"
done
for file in agents/*.xml; do
	quiet "OCF 1.1, $file" sh -c "xmllint --noout --nonet --path /usr/share/resource-agents \
		--relaxng /usr/share/pcs/data/ocf-1.1.rng $file 2>&1 | grep -v ' validates$'; :"
done

for page in man/*.[1-9] "$build"/man/*.[1-9]; do
	quiet "man $page" env LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 sh -c "man --warnings -E UTF-8 -l -Tutf8 -Z $page >/dev/null"
done

quiet "lintian" lintian --allow-root --tag-display-limit 0 --fail-on error,warning --suppress-tags \
	initial-upload-closes-no-bugs "$build"/packages/*.changes
quiet "rpmspec" sh -c 'rpmspec --parse group-lockrecover.spec >/dev/null'

echo "$passed passed, $failed failed"
[ $failed = 0 ]
