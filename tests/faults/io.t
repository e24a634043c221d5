#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 200
# A host whose disks fail: the guest gets an error where the host got one, it
# is said once, nothing else is harmed, and what could not be flushed is never
# said to be. (A host without space: tests/boot/limits.t.)
. "$(dirname "$0")/../lib.sh"
FAIL=$BUILD/tests/faults/fail
unset RING3_MODULES
truncate -s 16M "$T/image"

# failing RULES... -- [OPTIONS] -- CMD: stdout in OUT, stderr in ERR, status in RC
failing()
{
	local rules=()

	while [ "$1" != -- ]; do
		rules+=("$1")
		shift
	done
	shift
	OUT=$(timeout -k 5 80 "$FAIL" "${rules[@]}" -- "$RING3" run --timeout 60 "$@" 2> "$T/err" < /dev/null)
	RC=$?
	ERR=$(cat "$T/err")
}

once()
{
	is "$(grep -c '^ring3: ' <<< "$ERR")" 1 "$1: it is said once"
	like "$ERR" "^ring3: disk disk0: $2" "$1: with the disk's name"
}

failing fdatasync=EIO -- --disk "$T/image" -- sh -c '
	dd if=/dev/zero of=/dev/vdb bs=4k count=4 conv=fsync 2> /dev/null; echo fsync $?
	dd if=/dev/zero of=/dev/vdb bs=4k count=4 oflag=direct 2> /dev/null; echo direct $?
	dd if=/dev/zero of=/dev/vdb bs=4k count=4 oflag=direct,sync 2> /dev/null; echo sync $?; exit 3'
is "$OUT" "fsync 1
direct 0
sync 1" "a host that cannot flush: no flush succeeds"
is $RC 3 "a host that cannot flush: the guest goes on"
once "a host that cannot flush" 'Input/output error'

failing "pwritev=EIO@$T/now" -- --disk "$T/image" -- sh -c '
	dd if=/dev/zero of=/dev/vdb bs=4k count=4 oflag=direct 2> /dev/null; echo before $?'
is "$OUT" "before 0" "rules that wait do nothing"
touch "$T/now"
failing "pwritev=EIO@$T/now" "fallocate=EIO@$T/now" -- --root-ro --disk "$T/image" -- sh -c '
	dd if=/dev/zero of=/dev/vdb bs=4k count=4 oflag=direct 2> /dev/null; echo direct $?
	dd if=/dev/zero of=/dev/vdb bs=4k count=4 conv=fsync 2> /dev/null; echo fsync $?
	blkdiscard -z -o 0 -l 4096 /dev/vdb 2> /dev/null; echo zero $?
	dd if=/dev/vdb of=/dev/null bs=4k count=4 iflag=direct 2> /dev/null; echo read $?; exit 4'
is "$OUT" "direct 1
fsync 1
zero 1
read 0" "a host that cannot write: writes fail, reads do not"
is $RC 4 "a host that cannot write: the guest goes on"
once "a host that cannot write" 'Input/output error'
rm "$T/now"

touch "$T/now"
failing "preadv=EIO@$T/now" -- --root-ro -- true
is $RC 125 "a root disk that cannot be read: the guest does not start"
like "$ERR" '^ring3: disk root: Input/output error' "a root disk that cannot be read: it is said"
rm -f "$T/now"

# An image that somebody cuts short under a guest.
mkfifo "$T/in"
exec 7<> "$T/in"
timeout -k 5 80 "$RING3" run --timeout 60 --disk "$T/image" -- sh -c '
	r() { dd if=/dev/vdb of=/dev/null bs=4k count=1 skip=$2 iflag=direct 2> /dev/null; echo "$1" $?; }
	r whole 3000; echo cut; read x
	r gone 3000; r there 10; echo mend; read x
	r back 3000; exit 6' < "$T/in" > "$T/out" 2> "$T/err" &
guest=$!
wait_for()
{
	for i in $(seq 600); do
		grep -q "^$1$" "$T/out" && return
		sleep 0.05
	done
}
wait_for cut
truncate -s 4M "$T/image"
echo >&7
wait_for mend
truncate -s 16M "$T/image"
echo >&7
wait $guest
is $? 6 "an image cut short: the guest goes on"
is "$(tr '\n' ' ' < "$T/out")" "whole 0 cut gone 1 there 0 mend back 0 " "an image cut short: what is gone is an error, the rest is there"
ERR=$(cat "$T/err")
once "an image cut short" 'Input/output error'
done_testing
