#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# The benchmarks run and their results can be read; what they measure is not looked at.
. "$(dirname "$0")/../lib.sh"

bench()
{
	"$REPO/bench/run" --ring3 "$RING3" "$@"
}

# ask EXPRESSION: of the result r, in Python
ask()
{
	python3 -c 'import json, sys
with open(sys.argv[1]) as f:
    r = json.load(f)
rows = {row["name"]: row for part in r["parts"] for row in part["rows"]}
print(eval(sys.argv[2]))' "$T/result.json" "$1"
}

bench --smoke -s native,ring3 --only micro,boot,growth -o "$T/result" > "$T/out" 2> "$T/err"
is "$?" 0 "operations, start-up and growth, in native and ring3" || diag "$(grep -v round "$T/err"; tail -30 "$T/out")"
is "$(ask 'r["failures"]')" "{}" "none of them failed"
is "$(ask '[n for n, row in rows.items() if not n.startswith("boot") and any(row["cells"].values()) and
	not all(row["cells"][c] for c in ("native@free", "ring3@free"))]')" "[]" "each has a number in both"
is "$(ask 'all(rows["boot_" + n]["cells"]["ring3@free"]["median"] > 1 for n in ("pid1", "shell", "debian_shell"))')" \
	True "and takes time to start"
is "$(ask 'all(abs(c["ratio"] - c["median"] / row["cells"]["native@free"]["median"]) < 1e-9
	for row in rows.values() for i, c in row["cells"].items() if c and "ratio" in c)')" True "ratios are to native"
is "$("$REPO/bench/run" --from "$T/result.json")" "$(cat "$T/out")" "the JSON gives the same tables again"
like "$(grep -c '^| getppid |' "$T/result.md")" '^[12]$' "getppid is in the Markdown"

"$REPO/bench/run" --list | tr ' ' '\n' | grep -v : > "$T/rows"
is "$(sort "$T/rows" | uniq -d) $(grep -cx getppid "$T/rows")" " 1" "no two rows have the same name"
bench --smoke --only micro -s native --rows fork,getppid -o "$T/result" > /dev/null 2>&1
is "$(ask 'list(rows)')" "['getppid', 'fork_exit_wait', 'fork_exec_wait_static']" "--rows takes names and how they begin"
is "$(bench --rows nonsense 2>&1)" "bench: no row is called nonsense, or begins so: see --list" "and says what it does not know"

# The scripts of the workloads, where what they need is here.
mkdir "$T/bench" "$T/work"
cp "$REPO"/bench/workloads/* "$T/bench"
sed -i "s,HOME=/var/tmp/bench,HOME=$T/work," "$T/bench/run"
is "$("$T/bench/run" shell smoke | python3 -c 'import json, sys
print([json.loads(l)["value"] > 0 for l in sys.stdin if "name" in l])')" "[True]" "a workload gives a number"
echo 'timed no_check false true; timed no_end true false' > "$T/bench/bad.sh"
is "$("$T/bench/run" bad smoke | python3 -c 'import json, sys
print([json.loads(l)["why"][:12] for l in sys.stdin if "name" in l])')" "['wrong result', 'status 1: ']" \
	"and none when its result is wrong, or its status"

# A column that fails is named, with the reason.
bench --smoke --only micro --rows getppid --kernel /dev/null > "$T/out" 2>&1
is "$?" 1 "a ring3 that does not start makes the status 1"
like "$(grep -A9 '^Failed' "$T/out")" '- ring3, free: micro: .+' "and is in the list of failures"

# What a system prints beside results does no harm, and wrong results are failures.
is "$(cd "$REPO/bench" && python3 - <<'EOF'
from lib import goals, growth, measure, workloads
line = measure.parse
assert line('{"name": "a", "unit": "us", "value": 2}')["value"] == 2
assert line('[ 0.1] a message') == '[ 0.1] a message'
assert line('[ 0.1] a message{"name": "a"}') == {"name": "a"}
assert line('{broken') == '{broken' and line('{"a": 1} tail') == '{"a": 1} tail'
how = {"args": ["sh", "-c", 'echo noise; echo \'{"name": "a", "unit": "us", "value": null, "why": "wrong"}\'; exit 3']}
lines, why = measure.run_once(how, 10)
assert lines["a"]["why"] == "wrong" and "status 3" in why and "noise" in why, (lines, why)
lines, why = measure.run_once({"args": ["sleep", "60"]}, 1)
assert not lines and why == "not done after 1 s", why
lines, why = measure.run_once({"args": ["false"]}, 10)
assert why == "no output, status 1", why
column = type("Column", (), {"id": "native@free", "title": "native", "place": "free"})
other = type("Column", (), {"id": "x@free", "title": "x", "place": "free"})
results = measure.Results()
for value in 1, 9, 2:
    results.add(column, "a", "us", value)
    results.add(other, "a", "us", value * 3)
results.take(other, {"b": {"name": "b", "unit": "us", "value": None, "why": "wrong"}}, None, "micro")
a, b = results.report([column, other])
assert a["cells"]["native@free"] == {"median": 2, "min": 1, "max": 9, "n": 3, "ratio": 1}, a
assert a["cells"]["x@free"]["ratio"] == 3 and b["cells"]["x@free"] is None
assert results.failures == {"x, free: b": "wrong"}
clock = iter([10, 12, 20, 25]).__next__
watch = workloads.Watch(clock)
for line in {"begin": "right"}, {"end": "right", "seconds": 1.9}, {"begin": "late"}, {"end": "late", "seconds": 3.2}:
    watch.line(line)
assert list(watch.wrong) == ["late"] and "3.20 s" in watch.wrong["late"], watch.wrong
assert growth.knee([4, 2, 2, 3]) == 1.5 and growth.knee([None, 1]) is None and growth.knee([1, None, 3]) == 3
def row(name, unit, native, ours, **more):
    cells = {"native@free": {"median": native}, "ring3@free": {"median": ours, "ratio": ours / native}, **more}
    return {"name": name, "unit": unit, "cells": cells}
columns = [{"id": i, "system": i.split("@")[0], "title": i, "place": "free"} for i in ("native@free", "ring3@free", "uml@free")]
found = goals.table({"columns": columns, "parts": [
    {"name": "micro", "rows": [row("getppid", "us", 1, 7), row("tcp_loopback", "MB/s", 100, 80)]},
    {"name": "workloads", "rows": [row("sqlite", "s", 1, 4, **{"uml@free": {"median": 2}})]}]})["rows"]
assert [l[-1] for l in found] == ["no", "yes", "no"], found
assert workloads.derived([row("build_j2", "s", 1, 9, **{"ring3-2@free": {"median": 5}})])[0]["cells"] == \
    {"ring3-2@free": {"median": 1.8}}
print("good")
EOF
)" good "parsing, medians, ratios"
done_testing
