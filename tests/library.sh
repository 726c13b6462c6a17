#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What others build with: header, library, pkg-config file and manual page agree, and the example works.
top=$(cd "${srcdir:-.}/.." && pwd)
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# same WHAT FILE: the names that FILE has are those of the header
same() {
	diff "$work/header" "$2" >"$work/diff" || failed "$1 and glr.h differ: $(grep '^[<>]' "$work/diff")"
}

# Comments name functions too.
"${CC:-cc}" -fpreprocessed -dD -E -P "$top/lib/glr.h" | grep -o 'glr_[a-z0-9_]*(' | tr -d '(' | sort -u >"$work/header"
[ -s "$work/header" ] || failed "no function in glr.h"
sed -n 's/^	\(glr_[a-z0-9_]*\);$/\1/p' "$top/lib/libglr.map" | sort >"$work/map"
same libglr.map "$work/map"
sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.F[no] \(glr_[a-z0-9_]*\).*/\1/p' "$top/man/libglr.3" | sort -u >"$work/synopsis"
same "libglr(3), SYNOPSIS," "$work/synopsis"

make -s -C "$(dirname "$GROUP_LOCKRECOVER")/../lib" install DESTDIR="$work/root" >"$work/log" 2>&1 ||
	failed "make install: $(cat "$work/log")"
pc=$(find "$work/root" -name libglr.pc)
library=$(find "$work/root" -name libglr.so)
nm -D --defined-only "$library" | awk '$2 == "T" {print $3}' | sort >"$work/versioned"
grep -vq '@@LIBGLR_1\.0$' "$work/versioned" && failed "symbols without their version"
sed 's/@.*//' "$work/versioned" >"$work/exported"
same libglr.so "$work/exported"

# Nothing but what the packages for development bring is there to be found.
flags() {
	PKG_CONFIG_SYSROOT_DIR=$work/root PKG_CONFIG_LIBDIR=${pc%/*} pkg-config "$@" libglr
}
flags --exists --print-errors || failed "libglr.pc needs other packages"
for language in c c++; do
	command -v "$language" >/dev/null || [ "$language" = c ] || continue
	# shellcheck disable=SC2046 # words
	echo '#include <glr.h>' | "${CC:-cc}" -x "$language" -Wall -Wextra -Werror -pedantic $(flags --cflags) \
		-fsyntax-only - || failed "glr.h alone is no $language"
done

# shellcheck disable=SC2046 # words
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -o "$work/client_list" "$top/examples/client_list.c" \
	$(flags --cflags --libs) || failed "the example does not build"
mkdir "$work/.glr"
"$CLI_FIXTURE" list "$work/.glr" home 10.0.0.7 fd00::7 || failed "no list"
LD_LIBRARY_PATH=${library%/*} "$work/client_list" "$work/.glr" >"$work/out"
printf 'group home, list clean\n10.0.0.7 10.0.0.7 NFSv3\nfd00::7 fd00::7 NFSv3\n' | diff - "$work/out" ||
	failed "the example shows something else"
LD_LIBRARY_PATH=${library%/*} "$work/client_list" "$work/root" 2>/dev/null && failed "no list, and no error"
[ "$failures" = 0 ]
