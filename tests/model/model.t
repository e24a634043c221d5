#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The models in docs/port/model hold in all states that they can reach, and each mistake
# that their heads list is found.
# timeout: 600
# tags: slow
. "$(dirname "$0")/../lib.sh"
models=$REPO/docs/port/model

command -v spin > /dev/null || skip_all "host: no spin; install the package spin"

# checked MODEL [MISTAKE]: what the checker says
checked()
{
	local d=$T/$1-${2:-clean} level=1

	# A mistake is found sooner than code is optimized.
	[ $# = 1 ] || level=0

	mkdir "$d" && cd "$d" || return
	spin ${2:+-D$2} -a "$models/$1.pml" > spin.out 2>&1 && gcc -w -O$level -DSAFETY -DCOLLAPSE -o pan pan.c &&
		timeout 100 ./pan -m200000 2>&1
}

for model in "$models"/*.pml; do
	name=$(basename "$model" .pml)
	out=$(checked "$name")
	if grep -q 'errors: 0$' <<< "$out" && ! grep -qE 'error:|max search depth too small|out of memory' <<< "$out"; then
		ok "$name: no state breaks a rule ($(awk '/states, stored/ { print $1 }' <<< "$out") states)"
	else
		not_ok "$name: no state breaks a rule"
		diag <<< "$out"
	fi
	for mistake in $(sed -n 's/^ \*   \([A-Z_]\{4,\}\) .*/\1/p' "$model"); do
		out=$(checked "$name" "$mistake")
		like "$out" 'assertion violated|invalid end state' "$name: $mistake is found"
	done
done
done_testing
