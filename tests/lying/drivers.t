#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Drivers that break every rule (tests/lying/*.c), told by a bare guest to each
# device: it breaks or ignores them, the others go on, a reset mends it.
. "$(dirname "$0")/../lib.sh"

# Each sector of each disk says its number.
i=0
while [ $i -lt 2048 ]; do
	printf 'ring3%03d%0504d' $((i % 1000)) 0
	i=$((i + 1))
done > "$T/disk"
cp "$T/disk" "$T/image"
cp "$T/disk" "$T/ro"

# Somebody types without end, and somebody sends frames.
unset RING3_MODULES
lying()
{
	timeout -k 5 $((GUEST_TIMEOUT + 10)) "$REPO/tests/lying/with_card.py" "$RING3" run --timeout "$GUEST_TIMEOUT" --kernel "$BUILD/tests/lying/lying" --init /none --early-console --cpus 2 --mem 256M \
		--root "$T/disk" --disk "$T/image" --disk "$T/ro,ro" --vsock "$T/vsock" "$@" < /dev/zero
}

lying ${LIE:+--append "lie=$LIE"} > "$T/console" 2> "$T/all"
rc=$?
grep -E '^(not )?ok |^#|^Bail' "$T/all"
TAP_N=$(grep -cE '^(not )?ok ' "$T/all")
TAP_BAD=$(grep -c '^not ok ' "$T/all")
like "$(cat "$T/all")" "^1\.\.$TAP_N\$" "all of it was told"
is $rc 0 "and the guest ended by itself"
grep '^ring3: ' "$T/all" | sort | uniq -c | sort -rn | diag
is "$(grep '^ring3: ' "$T/all" | grep -cvE '^ring3: device [0-9]+ \((rng|blk|console|net|vsock|balloon)\): .*; it needs a reset by the guest.s driver$')" 0 \
	"the monitor named the rules that were broken, and nothing else"
check "the disk below the layer is what it was" cmp "$T/disk" "$T/ro"
is "$(dd if="$T/ro" bs=512 skip=41 count=1 2> /dev/null | head -c 8)" ring3041 "and so is the read-only one"
like "$(grep -c 'console works' "$T/console")" '^[1-9][0-9]+$' "and what the console wrote came out"

# A guest that ends while its other vCPU keeps a device at work.
for target in rng blk-image blk-layer console-tx net-tx net-rx vsock-tx vsock-rx; do
	start=$SECONDS
	lying --append "end=$target" > "$T/console" 2> "$T/all"
	is $? 0 "$target: a guest ends though it has work without end"
	[ $((SECONDS - start)) -lt 15 ] && ok "$target: and soon" || not_ok "$target: and soon: $((SECONDS - start)) s"
done
done_testing
