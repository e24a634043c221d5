#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 3600
# tags: slow extra
# git bisect finds the commit that broke a kernel tree.
. "$(dirname "$0")/../lib.sh"
unset RING3_KERNEL RING3_MODULES
export CONFIG="tiny least" ROOT=$RING3_ROOT XDG_DATA_HOME=$T/data
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ring3/src
tree=$(ls -d "$cache"/linux-6.12-* 2> /dev/null | head -1)
[ -n "$tree" ] || skip_all "host: no kernel sources in the cache"
new=$cache/bisect.$$
trap 'rm -rf "$new" "$T"; "$RING3" kernel rm bisect 2> /dev/null' EXIT

"$REPO/examples/bisect/plant" "$tree" "$new" > "$T/log" 2>&1
is $? 0 "a tree with a history"
cd "$new" || exit
git bisect start bad good > "$T/log" 2>&1
git bisect run "$REPO/examples/bisect/step" sh -c 'test "$(wc -w < /proc/loadavg)" = 5' >> "$T/log" 2>&1
is $? 0 "git bisect comes to an end"
like "$(git log -1 --format=%s bisect/bad 2>> "$T/log")" '^change 5$' "... at the commit that broke it" || diag "$(tail -20 "$T/log")"
done_testing
