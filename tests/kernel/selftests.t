#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest kernel's own selftests in a guest, against the list "expect".
# timeout: 1800
# tags: slow alone
. "$(dirname "$0")/../lib.sh"
: "${REPO:=$(cd "$(dirname "$0")/../.." && pwd)}"
full=${RING3_TEST_FULL:-0}
# A test's own limit is for a host that has nothing else to do.
slack=${RING3_TEST_SLACK:-3}

image=$("$REPO/scripts/mkselftests" --source "${RING3_SOURCE:-6.12}") || {
	not_ok "the selftests build"
	done_testing
}

series=$(guest -- uname -r < /dev/null | cut -d. -f1,2)

# tests FULL: "LIMIT TEST OUTCOME" for each that this kernel has, those with a
# star only if FULL is 1
tests()
{
	sed 's/#.*//' "$REPO/tests/kernel/expect" | awk -v full="$1" -v slack="$slack" -v series="$series" '
		NF {
			if ($2 ~ /^\*/) { if (!full) next; sub(/^\*/, "", $2) }
			want = $3
			for (i = 4; i <= NF; i++)
				if (index($i, series "=") == 1)
					want = substr($i, length(series) + 2)
			if (want != "none")
				print $2 * slack, $1, want
		}'
}

# Limits are few, so that a limit's tests go by one call.
script='set -e
d=$(grep -lx disk0 /sys/block/vd*/serial | cut -d/ -f4)
mount -o ro /dev/$d /mnt
mkdir -p /opt/selftests
cp -a /mnt/. /opt/selftests
umount /mnt
set +e
'
for limit in $(tests "$full" | cut -d' ' -f1 | sort -nu); do
	script+="/opt/selftests/run $limit $(tests "$full" | awk -v l="$limit" '$1 == l { print $2 }' | tr '\n' ' ')"$'\n'
done
script+='echo "##LOG"; dmesg | grep -E "WARNING:|BUG:|Oops|Call Trace|ended a guest process" | head -20; echo "##DONE"'

GUEST_TIMEOUT=1700
[ "$full" = 1 ] || GUEST_TIMEOUT=600
guest --disk "$image,ro" -- bash -c "$script" < /dev/null > "$T/out" 2>&1

# outcome STATUS TEST: by the exit status, and by what the test says
outcome()
{
	case $1 in
	0) sed -n "\\|^##RUN $2\$|,\\|^##END $2 |p" "$T/out" | grep -q '^not ok\|^\[FAIL\]' && echo fail || echo pass ;;
	4) echo skip ;;
	124|137) echo limit ;;
	*) echo fail ;;
	esac
}

while read -r _ test want; do
	status=$(sed -n "s|^##END $test \([0-9]*\) .*|\1|p" "$T/out")
	got=$([ -n "$status" ] && outcome "$status" "$test" || echo "no result")
	desc="$test: $want"
	if [ "$got" = "$want" ]; then
		ok "$desc"
	else
		not_ok "$desc"
		diag "got: $got, status ${status:-none}"
		sed -n "\\|^##RUN $test\$|,\\|^##END $test |p" "$T/out" | grep -vE '^ok|^# +(RUN|OK)' | tail -25 | diag
	fi
done < <(tests "$full")

like "$(tail -1 "$T/out")" '^##DONE' "the guest got through all of them"
is "$(sed -n '/^##LOG/,/^##DONE/p' "$T/out" | grep -v '^##')" "" "the kernel has nothing to complain about"
done_testing
