#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 7200
# tags: slow extra
# Kernels with sanitizers, small ones: each catches the bugs that mainline's own tests plant, and nothing
# else. KFENCE, UBSAN, kmemleak and KCOV are one kernel, KASAN is one.
. "$(dirname "$0")/../lib.sh"
here=$(dirname "$0")
GUEST_TIMEOUT=900

# kernel NAME...: one with these fragments
kernel()
{
	local args=() name

	for name in tiny least "$@" "$here/sanitizers.config"; do
		args+=(--config-fragment "$name")
	done
	dir=$("$REPO/kernel/build.sh" --dev "${args[@]}")
	is $? 0 "a kernel with $* is built"
	export RING3_KERNEL=$dir/vmlinux RING3_MODULES=$dir/modules.img
}

# run CPUS: the tests in a guest
run()
{
	out=$(guest --cpus "$1" --mem 1G -- bash -c "$(cat "$here/sanitizers.guest")" < "$here/sanitizers.c" 2>&1)
	is $? 0 "$what: the guest ends well" || diag "$out"
	is "$(value early)" 0 "$what: nothing is reported that nobody planted" || diag "$out"
	is "$(value oops)" 0 "$what: and the kernel lives"
}

# value NAME: what the guest says of it
value()
{
	sed -n "s/^$1: //p" <<< "$out"
}

# suite NAME REPORTS: mainline's tests passed, by at least so many reports
suite()
{
	like "$(value "$1")" '^pass:[1-9][0-9]* fail:0 ' "$what: mainline's tests of $1 pass" || diag "$out"
	is "$(value "$1-failed")" "" "$what: none of them failed"
	[ "$(value "$1-reports")" -ge "$2" ] 2> /dev/null
	is $? 0 "$what: what they plant is reported" || diag "$out"
}

kernel kfence ubsan kmemleak kcov
for cpus in 1 2; do
	what="$cpus CPUs"
	run $cpus
	suite kfence 15
	like "$(value kfence-report)" 'use-after-free' "$what: KFENCE catches a use after free"
	like "$(value ubsan)" 'array-index-out-of-bounds .*invalid-load .*shift-out-of-bounds' "$what: UBSAN sees undefined behaviour"
	[ "$(value kcov-pcs)" -gt 5 ] 2> /dev/null
	is $? 0 "$what: KCOV has the coverage of a system call" || diag "$out"
	like " $(value kcov-functions)" ' ksys_read ' "$what: what it ran through is read()"
	is "$(value kmemleak-before)" 0 "$what: kmemleak finds nothing that nobody lost"
	[ "$(value kmemleak)" -ge 8 ] 2> /dev/null
	is $? 0 "$what: kmemleak finds what is lost" || diag "$out"
	[ "$(value kmemleak-trace)" -ge 8 ] 2> /dev/null
	is $? 0 "$what: and who had allocated it"
done

kernel kasan
for cpus in 1 2; do
	what="$cpus CPUs"
	run $cpus
	suite kasan 40
	like "$(value kasan-report)" 'use-after-free' "$what: KASAN catches a use after free"
	like "$(value planted)" '^KASAN: slab-use-after-free in lkdtm_READ_AFTER_FREE\S* \[lkdtm\] $' "$what: and one in a module, once" || diag "$out"
	is "$(value planted-freed)" 1 "$what: and says who freed it"
done
done_testing
