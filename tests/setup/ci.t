#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The examples for continuous integration: what can be told of them without a service that runs them.
. "$(dirname "$0")/../lib.sh"
unset RING3_PROFILE

# packages FILE: all that it installs
packages()
{
	sed -n '/apt-get install/,/^ *-\{0,1\} *[a-z]*:\|git clone\|^$/p' "$1" | grep -v 'name:\|git clone' | tr -s ' \\' '\n\n' | grep -E '^[a-z][a-z0-9.+-]+$' | grep -vxE 'apt-get|install|run' | sort -u
}

# The host's own set-up knows what is needed.
needed=$(. "$REPO/scripts/lib.sh"; . "$REPO/scripts/setup.sh"; needs | awk '{ print $2 }' | grep -vxE 'mmdebstrap|fakeroot|fakechroot' | sort -u)
for file in github gitlab; do
	is "$(comm -23 <(echo "$needed") <(packages "$REPO/examples/ci/$file.yml"))" "" "$file.yml installs all that a build needs"
	grep -oE 'ring3 (kernel build|run|kunit|selftest) .*' "$REPO/examples/ci/$file.yml" > "$T/commands"
	check "$file.yml builds, boots and tests" test "$(wc -l < "$T/commands")" = 4
	bad=
	while read -r _ sub rest; do
		[ "$sub" != kernel ] || sub="kernel build"
		# shellcheck disable=SC2086
		help=$("$RING3" $sub --help)
		for word in ${rest%% -- *}; do
			case $word in
			--*) grep -q -e "$word" <<< "$help" || bad+=" $word" ;;
			-?) grep -q -e " $word, " <<< "$help" || bad+=" $word" ;;
			esac
		done
	done < "$T/commands"
	is "$bad" "" "$file.yml has options that there are"
	# The boot step, as it is there, with the tests' own kernel.
	step=$(sed -n 's/.*ring3 run -k ci \(.*\)/\1/p' "$REPO/examples/ci/$file.yml")
	check "$file.yml: what it boots, and what it looks for" bash -c "\"$RING3\" run -k \"$RING3_KERNEL\" $step"
done
if python3 -c 'import yaml' 2> /dev/null; then
	for file in github gitlab; do
		check "$file.yml is YAML" python3 -c 'import sys, yaml; assert "ring3" in str(yaml.safe_load(open(sys.argv[1])))' "$REPO/examples/ci/$file.yml"
	done
else
	skip "they are YAML" "host: no python3-yaml"
fi
done_testing
