#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# scripts/features.sh TREE CONFIG > docs/port/features.md: mainline's table of what an architecture
# supports (Documentation/features of the tree), with a column for ring3: whether the port selects the
# option, by the configuration that a kernel was built with.
set -euo pipefail
[ $# = 2 ] && [ -d "$1/Documentation/features" ] && [ -f "$2" ] || {
	echo "usage: scripts/features.sh TREE CONFIG: an unpacked kernel tree, and the config of a kernel built from it" >&2
	exit 2
}

# value FILE FIELD: of the head of an arch-support.txt
value()
{
	sed -n "s/^# *$2: *//p" "$1" | head -1
}

# status FILE ARCH
status()
{
	sed -n "s/^ *| *$2: *| *\(\S*\) *|.*/\1/p" "$1"
}

# ours OPTION: one may be negated
ours()
{
	case $1 in
	!*) grep -q "^CONFIG_${1#!}=y" "$2" && echo TODO || echo ok ;;
	*) grep -q "^CONFIG_$1=y" "$2" && echo ok || echo TODO ;;
	esac
}

cat <<-EOF
	# Features

	What mainline lists as the features that an architecture may support (\`Documentation/features\`), for Linux
	$(make -s -C "$1" kernelversion 2> /dev/null | cut -d. -f1,2). Made by \`scripts/features.sh\` from the configuration of a kernel with
	\`kernel/configs/trace.config\`. \`TODO\` and \`..\` are mainline's words for what is missing, and for what makes no
	sense there. [kernels.md](../kernels.md#not-possible-or-not-done) says why ours are.

	| feature | option | ring3 | um | x86 |
	| --- | --- | --- | --- | --- |
EOF
find "$1/Documentation/features" -name arch-support.txt -mindepth 2 | sort | while read -r file; do
	option=$(value "$file" Kconfig)
	echo "| $(value "$file" 'Feature name') | \`$option\` | $(ours "$option" "$2") | $(status "$file" um) | $(status "$file" x86) |"
done
