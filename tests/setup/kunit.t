#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# Mainline's kunit.py starts guests by a --qemu_config of ours, and what that starts. Whole runs: kernel/kunit.
. "$(dirname "$0")/../lib.sh"
unset RING3_ROOT
qemu=$REPO/scripts/kunit/qemu-system-ring3

# as kunit.py does it, of the oldest and the newest series
"$qemu" -nodefaults -m 1024 -kernel "$RING3_KERNEL" -append "panic=-1 init=/nonexistent kunit_shutdown=reboot" -no-reboot -nographic \
	-accel kvm -accel hvf -accel tcg -serial stdio > "$T/out" 2> "$T/err"
like "$(cat "$T/out")" "Linux version $(cat "$(dirname "$RING3_KERNEL")/release") " "the kernel's messages come from the first one on, on stdout"
like "$(cat "$T/out")" "[cC]ommand line: .* kunit_shutdown=poweroff" "what is to reboot ends"
is "$(cat "$T/err")" "" "nothing goes elsewhere"
out=$("$qemu" -nodefaults -m 128 -smp 2 -kernel "$RING3_KERNEL" -append "panic=-1" -serial stdio 2>&1)
like "$out" "smp: Brought up 1 node, 2 CPUs" "-m and -smp, as of --qemu_args"
out=$("$qemu" -vga std 2>&1)
like "$? $out" "^1 qemu-system-ring3: unknown option -vga" "an option that ring3 has not is named"

# kunit.py itself, with a kernel that has no tests
tree=$(ls -d "${XDG_CACHE_HOME:-$HOME/.cache}"/ring3/src/linux-6.12-* 2> /dev/null | head -1)
if [ -z "$tree" ]; then
	skip "mainline's kunit.py" "host: no kernel sources in the cache"
	done_testing
fi
mkdir "$T/obj"
cp "$RING3_KERNEL" "$T/obj/vmlinux"
(cd "$tree" && python3 -B tools/testing/kunit/kunit.py exec --qemu_config="$REPO/scripts/kunit/ring3.py" --build_dir="$T/obj" --timeout=100) > "$T/kunit.out" 2>&1
like "$(cat "$T/kunit.out")" "qemu-system-ring3 -nodefaults" "mainline's kunit.py starts it"
like "$(cat "$T/obj/test.log")" "Linux version $(cat "$(dirname "$RING3_KERNEL")/release") " "... and reads what the kernel says"

# ---- the front ----

out=$("$RING3" kunit x 2>&1)
like "$? $out" "^125 ring3: unexpected word x; arguments for kunit.py follow after --" "arguments of kunit.py come after --"
out=$("$RING3" kunit --source "$T" 2>&1)
like "$? $out" "^125 ring3: $T is not a Linux source tree" "a folder that is no tree"
out=$("$RING3" selftest 2>&1)
like "$? $out" "^125 ring3: which tests\\?" "selftests that are not named"
out=$("$RING3" selftest --source "$tree" nix 2>&1)
like "$? $out" "^125 ring3: there are no selftests nix in this tree: they are .* timers " "... or unknown are told, with those there are"
done_testing
