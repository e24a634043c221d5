#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# port.sh [--remove] DIR: puts the port into the kernel tree DIR as arch/ring3, for who works there
# with make ARCH=ring3, kunit.py and others. Its .gitignore hides all of it from git.
set -uo pipefail
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$REPO/scripts/lib.sh"
. "$REPO/kernel/build/source.sh"

remove=0
[ "${1:-}" != --remove ] || { remove=1; shift; }
dir=${1:?usage: port.sh [--remove] DIR}
[ -d "$dir" ] || die "there is no directory $dir: name a kernel tree"
source_version "$dir" > /dev/null || exit
[ -d "$dir/arch" ] && [ -w "$dir/arch" ] || die "cannot write to $dir/arch: make it writable"
port=$dir/arch/ring3
[ ! -e "$port" ] || [ -e "$port/.gitignore" ] || die "$port is not of this command's making: move it away"
if [ $remove = 1 ]; then
	rm -rf "$port" || die "cannot remove $port"
	exit
fi
port_into "$dir" && printf '*\n' > "$port/.gitignore" || die "cannot write to $port: free some space there"
