#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fetch.sh ring3 | root | tree IMAGE | redis | kernel: make or fetch what the
# benchmarks need beside the host's packages, into the user's cache, and print
# where it is.
#
#   ring3    as ./run would use it: program, kernel, initramfs, root disk, a line each
#   root     the root disk of the workloads
#   tree     a directory with the files of that disk, for native runs and gVisor
#   redis    the source that one workload builds
#   kernel   Debian's kernel for QEMU: a directory with boot/ and lib/modules/
set -uo pipefail
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$REPO/scripts/lib.sh"
. "$REPO/scripts/setup.sh"
. "$REPO/scripts/debian.sh"

exec 3>&1 >&2
CACHE=$(cache_dir) || exit
case ${1:-} in
ring3)
	setup 1 1 $host_targets
	printf '%s\n' "$RING3" "$RING3_KERNEL" "$RING3_INITRD" "$RING3_ROOT" >&3
	exit ;;
root)
	BUILD=$(build_dir)
	make_writable "$BUILD"
	setup_packages
	exec "$REPO/scripts/mkroot" bench >&3 ;;
tree) result=$CACHE/bench/tree-$(basename "${2%.img}") ;;
redis|kernel) result=$CACHE/bench/$1 ;;
*) die "fetch.sh: unknown argument ${1:-}" ;;
esac

make_writable "$CACHE/bench"
with_lock "$CACHE/bench/lock-$1"
if [ ! -e "$result" ]; then
	rm -rf "$CACHE/bench/new-$1."*
	new=$(mktemp -d "$CACHE/bench/new-$1.XXXXXX") || die "cannot write to $CACHE/bench: make it writable"
	trap 'rm -rf "$new"' EXIT
	chmod 755 "$new"
	case $1 in
	tree)
		need_space "$CACHE" 2000
		mkdir "$new/result"
		# debugfs says it on stderr only when a file could not be written.
		debugfs -R "rdump / $new/result" "$2" > "$new/log" 2>&1 && [ -x "$new/result/usr/bin/env" ] ||
			die "the files of $2 cannot be unpacked: $(tail -n 1 "$new/log")"
		rm -rf "$CACHE/bench"/tree-* ;;
	redis)
		debian_source redis "$new" && mv "$new"/redis_*.orig.tar.* "$new/result" ||
			die "the source of redis cannot be fetched: $(grep ^E: "$new/log" | head -1)" ;;
	kernel)
		name=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
		debian_download "${name:-linux-image-amd64}" "$new" && dpkg-deb -x "$new"/linux-image-*.deb "$new/result" ||
			die "Debian's kernel cannot be fetched: $(grep ^E: "$new/log" | head -1)" ;;
	esac
	mv "$new/result" "$result"
fi
printf '%s\n' "$result" >&3
