#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
# The collector must not call a run good that was not.
. "$(dirname "$0")/../lib.sh"

collector=$REPO/tests/run
mkdir -p "$T/repo/tests/demo" "$T/runtime"

# collect BODY [CI]: the collector's output on one test with that body
collect()
{
	printf '#!/bin/sh\n# timeout: 2\n%s\n' "$1" > "$T/repo/tests/demo/x.t"
	chmod +x "$T/repo/tests/demo/x.t"
	env CI="${2:-}" REPO="$T/repo" BUILD="$T/build" PATH="$T/bin:$PATH" "$collector" demo 2>&1
}

# The collector asks meson for unit tests; here there are none.
mkdir -p "$T/bin" "$T/build"
printf '#!/bin/sh\necho "[]"\n' > "$T/bin/meson"
chmod +x "$T/bin/meson"

totals()
{
	collect "$@" | tail -1
}

is "$(totals 'printf "1..2\nok 1\nok 2 - b\n"')" "2 passed, 0 failed" "passes are counted"
is "$(totals 'printf "1..2\nok 1\nnot ok 2 - b\n"')" "1 passed, 1 failed" "failures are counted"
is "$(totals 'printf "1..3\nok 1\n"')" "1 passed, 1 failed" "fewer tests than planned fail"
is "$(totals 'printf "ok 1\n"')" "1 passed, 1 failed" "no plan fails"
is "$(totals 'printf "1..1\nok 1\n"; exit 3')" "1 passed, 1 failed" "an exit status fails"
is "$(totals 'printf "1..1\nok 1\n"; kill -9 $$')" "1 passed, 1 failed" "a signal fails"
is "$(totals 'sleep 30')" "0 passed, 2 failed" "no end fails"
is "$(totals 'printf "1..1\nok 1\n"; setsid sleep 60 & exit 0')" "1 passed, 1 failed" "a process left behind fails"
is "$(totals 'printf "1..2\nok 1\nok 2 - b # SKIP no reason\n"')" "1 passed, 0 failed, 1 skipped" "skips are counted"
is "$(totals 'printf "1..2\nok 1\nok 2 - b # SKIP no reason\n"' true)" "1 passed, 1 failed" "a skip in CI fails"
is "$(totals 'printf "1..2\nok 1\nok 2 - b # SKIP host: no KVM\n"' true)" "1 passed, 0 failed, 1 skipped" \
	"a skip for what the host lacks does not"
like "$(collect 'printf "1..1\nok 1 - b # SKIP why not\n"')" "demo/x: b: why not" "the reason is shown"
like "$(collect 'printf "1..2\nnot ok 1 - b\n# got: 7\nok 2 - c\n# of c\n"' | grep -A1 'not ok: b')" '# got: 7' \
	"a failure is shown with its diagnostics"
# ---- several tests ----

# demo NAME HEAD BODY: one of them
demo()
{
	printf '#!/bin/sh\n%s\n%s\nprintf "1..1\\nok 1\\n"\n' "$2" "$3" > "$T/repo/tests/demo/$1.t"
	chmod +x "$T/repo/tests/demo/$1.t"
}

# several JOBS: all of them; in which order their outcomes came
several()
{
	env RING3_TEST_JOBS="$1" REPO="$T/repo" BUILD="$T/build" PATH="$T/bin:$PATH" "$collector" demo > "$T/out" 2>&1
	grep -oE '^(ok|FAIL) +demo/[a-z]*' "$T/out" | tr -s ' \n' ' '
}

# alone NAME: tells who else runs. with NAME OTHER: waits until the other runs, too.
mkdir "$T/here" "$T/pair"
cat > "$T/alone" <<EOF
touch $T/here/\$1; sleep 0.5; ls $T/here >> $T/alone.\$1; rm $T/here/\$1
EOF
cat > "$T/with" <<EOF
touch $T/pair/\$1
for i in \$(seq 100); do ! test -e $T/pair/\$2 || exit 0; sleep 0.2; done
exit 1
EOF
cat > "$T/repo/tests/prepare" <<EOF
#!/bin/sh
[ "\$1" != broken ] || { echo "cannot be built" >&2; exit 1; }
sleep 1; echo "\$1 \$(nice)" >> $T/built
EOF
chmod +x "$T/repo/tests/prepare"
rm "$T/repo/tests/demo/x.t"
demo a '# tags: alone' "sh $T/alone a"
demo b '' "sh $T/with b e || exit"
demo c '# needs: thing' "cp $T/built $T/found || exit"
demo d '# needs: thing' ":"
demo e '' "sh $T/with e b || exit"
demo f '# tags: slow' "sleep 1"
is "$(several 2)" "ok demo/f ok demo/b ok demo/e ok demo/c ok demo/d ok demo/a " \
	"two at a time; slow ones are told first, those that want to be alone last"
is "$(cat "$T/alone.a")" a "who wants to be alone is"
nice=$(($(nice) + 5))
is "$(cat "$T/found")" "thing $((nice < 19 ? nice : 19))" "what is needed is built before, once, and leaves the CPU to others"
like "$(cat "$T/build/test-logs/times")" '^ +[0-9]+\.[0-9] +[0-9]+\.[0-9] demo/f$' "how long each took is in a file"
demo b '' "sh $T/alone b"
demo c '# needs: broken' ":"
demo e '' "sh $T/alone e"
demo f '' "exit 1"
is "$(several 1)" "ok demo/b ok demo/e FAIL demo/f ok demo/c ok demo/d ok demo/a " "one after the other"
is "$(cat "$T/alone.b" "$T/alone.e")" "$(printf 'b\ne')" "with nobody beside"
is "$(tail -2 "$T/out")" "$(printf 'failed: demo/f: it ended without a plan (after 0 tests)\n5 passed, 1 failed')" \
	"what failed is said at the end again"
is "$(cat "$T/build/test-logs/build-broken.log.err")" "cannot be built" "why a build failed is kept"

# A signal ends all of it.
demo b '' "echo \$\$ > $T/sleeping.tmp; mv $T/sleeping.tmp $T/sleeping; exec sleep 100"
env RING3_TEST_JOBS=2 REPO="$T/repo" BUILD="$T/build" PATH="$T/bin:$PATH" "$collector" demo/b > "$T/out" 2>&1 &
pid=$!
for _ in $(seq 100); do [ ! -e "$T/sleeping" ] || break; sleep 0.1; done
kill $pid
wait $pid
is "$? $(ps -o args= -p "$(cat "$T/sleeping")")" "143 " "who ends it ends its tests"
rm "$T/repo/tests/demo/"*.t

status 1 "no test run is a failure" eval 'collect "echo 1..0 # SKIP nothing" > /dev/null'
status 2 "an unknown name is refused" env REPO="$T/repo" BUILD="$T/build" PATH="$T/bin:$PATH" "$collector" nonesuch
done_testing
