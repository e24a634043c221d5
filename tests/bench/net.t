#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The network's benchmark runs and its results can be read; what it measures is not looked at.
. "$(dirname "$0")/../lib.sh"

unshare --user --map-root-user --net --mount true 2> "$T/err" || skip_all "host: no network namespaces of one's own: $(cat "$T/err")"
columns=veth,ring3-nat
[ -c /dev/net/tun ] && columns+=,ring3-tap
columns+=,ring3-switch

# ask EXPRESSION: of the result r, in Python
ask()
{
	python3 -c 'import json, sys
with open(sys.argv[1]) as f:
    r = json.load(f)
print(eval(sys.argv[2]))' "$T/result.json" "$1"
}

"$REPO/bench/net" --ring3 "$RING3" -c "$columns" -r 1 -t 0.1 -o "$T/result" > "$T/out" 2> "$T/err"
is "$?" 0 "every row over NAT, tap and switch" || diag "$(tail -5 "$T/err"; tail -20 "$T/out")"
is "$(ask '[x["name"] for x in r["rows"] if not all(x["cells"][c] for c in "'$columns'".split(","))]')" "[]" \
	"each has a number in every column"
is "$(ask 'len(r["rows"])')" 6 "there are six"
like "$(cat "$T/result.md")" '^\| row \| unit \| veth ' "and a Markdown table"
is "$("$REPO/bench/net" -c nonsense 2>&1 | tail -1 | cut -c1-40)" "net: error: no column is called nonsense" \
	"a column that it does not know is named"
done_testing
