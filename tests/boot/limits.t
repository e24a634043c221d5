#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 500
# tags: alone
# Hosts that have too little of something: one clear sentence with the way out,
# or it simply works. Nothing hangs, no image is harmed.
. "$(dirname "$0")/../lib.sh"
# The limits are for ring3, not for a shell in front of it (tests/machine).
RING3=${RING3_TEST_PROGRAM:-$RING3}
. "$(dirname "$0")/plain.sh"

image_state()
{
	stat -L -c "%i %s %b %y %z" "$1"
}

# out CMD...: runs it with its stdout in OUT, its stderr in ERR, its status in RC
out()
{
	"$@" > "$T/out" 2> "$T/err" < /dev/null
	RC=$?
	OUT=$(cat "$T/out")
	ERR=$(cat "$T/err")
}

# explained STATUS REGEX DESCRIPTION: the last run ended so, with one sentence
explained()
{
	if [ "$RC" = "$1" ] && [ "$(grep -c '^ring3: ' <<< "$ERR")" = 1 ] && grep -qE "^ring3: .*$2" <<< "$ERR"; then
		ok "$3"
	else
		not_ok "$3"
		diag "status $RC, want $1: $2"
		diag "$ERR"
	fi
}

# On a small disk of its own, as far as the host lets us have one.
mkdir "$T/small"
unshare=
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	unshare="unshare -m"
elif unshare -rm true 2>/dev/null; then
	unshare="unshare -rm"
fi

# small MIB CMD...: with $T/small a file system of so many MiB
small()
{
	local size=$1

	shift
	$unshare sh -c 'mount -t tmpfs -o size="$1"m ring3-test "$2" && shift 2 && exec "$@"' - "$size" "$T/small" "$@"
}

if [ -n "$unshare" ]; then
	before=$(image_state "$RING3_ROOT")
	out small 24 env TMPDIR="$T/small" "$RING3" run --timeout 80 -- sh -c '
		echo small > /root/small && sync && echo first $?
		dd if=/dev/urandom of=/root/big bs=1M count=200 conv=fsync 2>/dev/null; echo dd $?
		# After an error in its journal ext4 refuses to read too: only the shell itself is left.
		n=0; while [ $n -lt 1000 ]; do n=$((n + 1)); done; echo on $n'
	like "$OUT" 'first 0' "a full disk: what fits is written"
	like "$OUT" 'dd 1' "a full disk: the guest's writer gets an error"
	like "$OUT" 'on 1000' "a full disk: the guest goes on"
	is "$RC" 0 "a full disk: the guest ends by itself"
	like "$ERR" '^ring3: disk root: .*No space.*TMPDIR' "a full disk: it is said, with the way out"
	is "$(grep -c '^ring3: ' <<< "$ERR")" 1 "a full disk: once"
	is "$(image_state "$RING3_ROOT")" "$before" "a full disk: the image is what it was"
	out small 1 env TMPDIR="$T/small/none" "$RING3" run --timeout 80 -- true
	explained 125 'TMPDIR' "no directory for the ephemeral overlay"

	# A disk image that is kept, where it cannot grow to what it says it is.
	truncate -s 256M "$T/disk.img"
	mke2fs -q -F "$T/disk.img"
	cat > "$T/kept.sh" <<-'EOF'
	cp --sparse=always "$1" "$2/disk.img"
	"$RING3" run --timeout 80 --disk "$2/disk.img" -- sh -c '
		for d in /dev/vd?; do :; done
		mount $d /mnt && ls -d /mnt/lost+found
		seq 100000 > /mnt/kept && sync && echo kept $?
		dd if=/dev/urandom of=/mnt/big bs=1M count=200 conv=fsync 2>/dev/null; echo dd $?
		umount /mnt; echo end'
	echo rc $?
	e2fsck -fy "$2/disk.img" > /dev/null 2>&1
	echo fsck $?
	e2fsck -fn "$2/disk.img" > /dev/null 2>&1
	echo clean $?
	debugfs -R 'cat /kept' "$2/disk.img" 2>/dev/null | md5sum
	EOF
	PATH=$PATH:/usr/sbin:/sbin out small 64 env RING3="$RING3" sh "$T/kept.sh" "$T/disk.img" "$T/small"
	like "$OUT" 'kept 0' "a full disk under a kept image: what fits is written"
	like "$OUT" 'dd 1' "a full disk under a kept image: the writer gets an error"
	like "$OUT" 'fsck [01]$' "a full disk under a kept image: its file system can be checked"
	like "$OUT" 'clean 0' "a full disk under a kept image: and is sound"
	like "$OUT" "$(seq 100000 | md5sum)" "a full disk under a kept image: what was synced is there"

	# ./run needs its cache only for what is not there yet.
	if [ -e "$REPO/run" ]; then
		out $unshare sh -c 'mount -t tmpfs -o ro ring3-test "$1" && shift && exec env -u RING3_KERNEL -u RING3_ROOT -u RING3_MODULES "$@"' - \
			"$T/small" env XDG_CACHE_HOME="$T/small" "$REPO/run" -- true
		explained 125 'XDG_CACHE_HOME' "a read-only cache directory"
	fi
else
	skip "full disks" "host: no mount namespace"
fi

# A layer that may not grow further, as by ulimit -f.
out sh -c 'ulimit -f 20000; exec "$@"' - "$RING3" run --timeout 60 -- sh -c 'dd if=/dev/urandom of=/root/big bs=1M count=100 conv=fsync 2>/dev/null; echo dd $?'
case $RC:$OUT in
0:*'dd 1'*) explained 0 'ulimit -f' "ulimit -f: the guest gets an error, and it is said" ;;
*) explained 125 'ulimit -f' "ulimit -f: it is said" ;;
esac

# ---- processes ----

plain_setup
procs()
{
	local n=$1

	shift
	plain timeout -k 5 40 prlimit --nproc="$n" "$PLAIN/ring3" run --timeout 15 "$@"
}

bad=
works=
for n in $(seq 1 16) 20 24 32; do
	out procs "$n" --net none -- sh -c 'echo $(seq 3 | wc -l)'
	case $RC in
	0) works="$works $n" ;;
	*) grep -qE '^ring3: .*ulimit -u' <<< "$ERR" && [ "$RC" != 124 ] || bad="$bad $n:$RC:$(tail -2 <<< "$ERR")" ;;
	esac
done
is "$bad" "" "ulimit -u: too few processes are said, with the way out"
like "$works" ' 32' "ulimit -u: enough are enough"
diag "ulimit -u at which a small pipeline works:$works"
out procs 24 --net none -- sh -c 'i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done; sleep 0.5; echo on; exit 3'
case $RC in
3) ok "ulimit -u: a guest that starts more than that goes on" ;;
2|137) like "$ERR" 'ring3: .*ulimit -u' "ulimit -u: a guest that starts more than that is told" ;;
*) explained 121 'ulimit -u' "ulimit -u: a guest that starts more than that" ;;
esac
is "$(ps -o pid=,args= -u $PLAIN_UID)" "" "ulimit -u: no process is left"

# ---- memory that the host does not promise, as with vm.overcommit_memory=2: for this guest only ----

fail=$BUILD/tests/faults/fail
for call in memfd_create ftruncate; do
	out "$fail" $call=ENOMEM -- "$RING3" run --timeout 60 -- true
	explained 125 'memory' "no memory for $call is said"
done
bad=
works=
for n in 30 40 50 60 70; do
	out "$fail" "mmap=ENOMEM:$n" -- "$RING3" run --timeout 60 --mem 2G -- sh -c 'echo $(seq 3 | wc -l)'
	case "$RC $OUT" in
	"0 3") works="$works $n" ;;
	*) grep -qE '^ring3: |shared libraries' <<< "$ERR" && [ "$RC" -le 137 ] || bad="$bad $n:$RC:$ERR" ;;
	esac
done
is "$bad" "" "memory that is refused: it works or is said"
diag "mappings that were refused, and it worked:$works"

# ---- vm.max_map_count, which all processes of the host share: where nobody is beside us ----

# with FILE VALUE CMD...: runs it while FILE holds VALUE
with()
{
	local file=$1 value=$2 old

	shift 2
	old=$(cat "$file")
	trap 'echo '"$old"' > '"$file"'; rm -rf "$T" "$PLAIN"' EXIT
	echo "$value" > "$file"
	"$@"
	echo "$old" > "$file"
	trap 'rm -rf "$T" "$PLAIN"' EXIT
}

WORK='import ctypes, mmap, multiprocessing, threading, json, decimal
maps = [mmap.mmap(-1, 8192) for i in range(int(__import__("sys").argv[1]))]
for i, m in enumerate(maps): m[0:8] = b"%08d" % i
ctypes.CDLL(None).mprotect
with multiprocessing.Pool(3) as p: total = sum(p.map(len, [b"x" * i for i in range(1000)]))
assert all(m[0:8] == b"%08d" % i for i, m in enumerate(maps))
print("work", total)'

if [ "${CI:-}" != true ] && [ "${RING3_TEST_FULL:-0}" != 1 ]; then
	skip "vm.max_map_count" "others may run here: RING3_TEST_FULL=1 sets it for all processes of the host"
elif [ "$(id -u)" = 0 ] && [ -w /proc/sys/vm/max_map_count ]; then
	maps=/proc/sys/vm/max_map_count
	with $maps 1000 out "$RING3" run --timeout 80 -- sh -c 'echo $(seq 3 | wc -l)'
	is "$RC $OUT $ERR" "0 3 " "vm.max_map_count=1000: a shell works"
	if guest -- sh -c 'command -v python3 && command -v gcc' > /dev/null; then
		with $maps 1000 out "$RING3" run --timeout 90 -- python3 -c "$WORK" 2000
		is "$RC $OUT" "0 work 499500" "vm.max_map_count=1000: python3 with 2000 mappings and processes works"
		[ -z "$ERR" ] || diag "$ERR"
		with $maps 1000 out "$RING3" run --timeout 90 -- sh -c 'printf "#include <stdio.h>\n#include <stdlib.h>\nint main(void){return !puts(\"built\");}" > a.c && gcc -O2 a.c -o a && ./a'
		is "$RC $OUT" "0 built" "vm.max_map_count=1000: gcc works"
		[ -z "$ERR" ] || diag "$ERR"
	else
		skip "vm.max_map_count=1000: python3 and gcc" "host: the root disk has neither"
	fi
	with $maps 60 out "$RING3" run --timeout 60 -- sh -c 'echo $(seq 3 | wc -l)'
	if [ "$RC" = 0 ]; then
		is "$OUT" 3 "vm.max_map_count=60: works"
	else
		like "$RC $ERR" '^12[0-5] ring3: .*max_map_count' "vm.max_map_count=60 is said"
	fi
else
	skip "vm.max_map_count" "host: only root may change it"
fi

# ---- a processor without FSGSBASE: AT_HWCAP2 (26) lacks bit 1 ----

without="$BUILD/tests/boot/auxv 26 2"
out $without true
if [ "$RC" = 77 ]; then
	skip "a host without FSGSBASE" "host: processes cannot be traced"
else
	is "$RC" 0 "a program is run with another AT_HWCAP2"
	out $without "$RING3" run --timeout 60 -- true
	explained 125 'FSGSBASE.*nofsgsbase' "a host without FSGSBASE is said"
	out $without "$RING3" doctor
	is "$RC" 1 "ring3 doctor fails on it"
	like "$OUT" '^BAD .*FSGSBASE.*nofsgsbase' "and says why"
fi

# ---- memory and descriptors of this process ----

out sh -c 'ulimit -v 300000; exec "$@"' - "$RING3" run --timeout 60 --mem 512M -- true
[ "$RC" = 0 ] && ok "ulimit -v works" || explained 125 '--mem|ulimit -v' "ulimit -v is said"
bad=
for n in 8 12 16 24 32 64; do
	out sh -c "ulimit -n $n; exec \"\$@\"" - "$RING3" run --timeout 60 -- true
	[ "$RC" = 0 ] || [ "$(grep -cE '^ring3: .*(descriptor|open files)' <<< "$ERR")" = 1 ] && [ "$RC" -le 125 ] || bad="$bad $n:$RC:$ERR"
done
is "$bad" "" "ulimit -n: it works or is said"
done_testing
