#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The unit tests of what runs in several threads of the monitor, under
# ThreadSanitizer: devices with a driver that works or lies beside them, the
# console's two directions, the jail's meeting of threads. The guest's kernel
# cannot be: it runs where the sanitizer keeps its own memory.
# timeout: 400
# tags: slow
. "$(dirname "$0")/../lib.sh"

units="base blk console dev devs host jail net rng"
build=$BUILD/tsan

# A sanitizer that sees nothing would pass everything.
cat > "$T/race.c" <<'EOC'
#include <pthread.h>
static int n;
static void *add(void *arg) { for (int i = 0; i < 100000; i++) n++; return arg; }
int main(void)
{
	pthread_t t;
	pthread_create(&t, 0, add, 0);
	add(0);
	return pthread_join(t, 0);
}
EOC
gcc -g -O1 -pthread -fsanitize=thread -o "$T/race" "$T/race.c" > "$T/log" 2>&1 ||
	skip_all "host: its compiler has no ThreadSanitizer: $(tail -1 "$T/log")"
"$T/race" > "$T/log" 2>&1
if grep -q 'FATAL: ThreadSanitizer' "$T/log"; then
	skip_all "host: ThreadSanitizer does not run here: $(grep FATAL "$T/log")"
fi
like "$(cat "$T/log")" 'WARNING: ThreadSanitizer: data race' "ThreadSanitizer sees a race"

targets=
for unit in $units; do targets+=" tests/unit/test_$unit"; done
[ -e "$build/build.ninja" ] || meson setup "$build" "$REPO" -Db_sanitize=thread -Db_lundef=false > "$T/log" 2>&1
# shellcheck disable=SC2086
check "the unit tests are built with it" ninja -C "$build" $targets

for unit in $units; do
	TSAN_OPTIONS=exitcode=66:halt_on_error=0 "$build/tests/unit/test_$unit" > "$T/out" 2>&1
	status=$?
	if [ $status = 0 ] && grep -q '^ok' "$T/out" && ! grep -q -e '^not ok' -e ThreadSanitizer "$T/out"; then
		ok "$unit"
	else
		not_ok "$unit"
		diag "status $status"
		grep -A30 -e ThreadSanitizer -e '^not ok' "$T/out" | diag
	fi
done
done_testing
