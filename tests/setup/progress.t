#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
. "$(dirname "$0")/../lib.sh"
. "$REPO/scripts/lib.sh"

steps=$({
	progress_begin x
	for p in 0 5 40 30 120 250 99; do
		progress $p
	done
	progress_end
} 2>&1 | sed 's/ %.*//; s/.* //')
is "$(sort -n <<< "$steps")" "$steps" "progress never goes back"
is "$(tail -1 <<< "$steps")" 100 "it ends at 100"
is "$(grep -c '^100$' <<< "$steps")" 1 "only the end is 100"

lines=$({
	progress_begin x
	for i in $(seq 400); do
		echo "  CC      dir/f$i.o"
	done | count_lines 200 '^  [A-Z]+ ' "$T/log"
	progress_end
} 2>&1)
like "$lines" ' 99 %|90 %' "more steps than expected are still below 100"
is "$(wc -l < "$T/log")" 400 "the log has every line"

out=$(XDG_CACHE_HOME=relative; cache_dir 2>&1)
like "$out" "absolute path" "a relative cache directory is refused"
out=$(unset XDG_CACHE_HOME HOME; cache_dir 2>&1)
like "$out" "XDG_CACHE_HOME" "no HOME: the way out is told"
out=$(make_writable /proc/1/x 2>&1)
like "$out" "^ring3: cannot write to /proc/1/x: .*XDG_CACHE_HOME" "a read-only cache is one sentence"
is "$(wc -l <<< "$out")" 1 "of one line"
out=$(need_space / 999999999 2>&1)
like "$out" "MiB free in /, 999999999 MiB are needed" "a full disk is told beforehand"
done_testing
