#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 600
# tags: slow
# needs: mutation
# Takes out the checks of devices and of the agent's link, one after the other:
# the kept corpora and the unit tests notice. See docs/walls.md.
. "$(dirname "$0")/../lib.sh"

export ASAN_OPTIONS=max_allocation_size_mb=64

# without WALL PROGRAM ARGS...: its status in RC, what it complains of in WHY
without()
{
	local wall=$1 program=$2

	shift 2
	if ! "$REPO/tests/prepare" without "${wall#none}" "$T" "$program" > "$T/log" 2>&1; then
		not_ok "without $wall: $program is built"
		tail -n 20 "$T/log" | diag
		return
	fi
	{ timeout 100 "$T/${program##*/}" "$@" > "$T/out" 2> "$T/err"; } 2> /dev/null
	RC=$?
	WHY=$(grep -hE '^not ok|ERROR: AddressSanitizer|runtime error|does not hold' "$T/out" "$T/err" | head -n 1)
}

devices="tests/fuzz/fuzz_devices $REPO/tests/fuzz/corpus/devices"
protocols="tests/fuzz/fuzz_protocols $REPO/tests/fuzz/corpus/protocols"
if ! ldd "$BUILD/tests/fuzz/fuzz_devices" | grep -q libasan; then
	skip "what happens without checks" "this build has no AddressSanitizer"
	done_testing
	exit
fi

# shellcheck disable=SC2086 # a program and its arguments
{
	without none $devices
	is "$RC" 0 "devices with all checks"
	without none $protocols
	is "$RC" 0 "the agent's link with all checks"
	without device-range $devices
	like "$RC $WHY" '^[1-9][0-9]* .*runtime error|^[1-9][0-9]* .*AddressSanitizer' "addresses outside guest memory are noticed"
	without device-index $devices
	like "$RC $WHY" '^[1-9][0-9]* .*AddressSanitizer' "descriptors behind their table are noticed"
	without device-chain tests/unit/test_virtq
	like "$RC $WHY" '^[1-9][0-9]* not ok .*longer than any chain' "chains that are too long are noticed"
	without device-header tests/unit/test_net
	like "$RC $WHY" '^[1-9][0-9]* not ok .*does not make it|^[1-9][0-9]* not ok .*has it' "headers that the driver did not accept are noticed"
	without device-length tests/unit/test_net
	like "$RC $WHY" '^[1-9][0-9]* not ok .*link goes down' "frames of any length are noticed"
	without agent-length $protocols
	like "$RC $WHY" '^[1-9][0-9]* .*AddressSanitizer: requested allocation size' "memory for frames of any length is noticed"
	without agent-text $protocols
	like "$RC $WHY" '^[1-9][0-9]* .*does not hold: .*0x7f' "control characters are noticed"
}
done_testing
