#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Build a guest kernel: mainline sources + kernel/arch/ring3 + abi/ring3.
# Needs no root. See --help.
set -uo pipefail
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$REPO/scripts/lib.sh"
. "$REPO/scripts/debian.sh"
. "$REPO/kernel/build/source.sh"
. "$REPO/kernel/build/needs.sh"
. "$REPO/kernel/build/modules.sh"
. "$REPO/kernel/build/named.sh"
. "$REPO/kernel/build/make.sh"

usage()
{
	cat <<-EOF
	Usage: kernel/build.sh [OPTIONS] [MAKE-TARGET...]

	  --source SERIES|DIR      a series that Debian has (6.1, 6.12, 7.3, ...), or an unpacked
	                           tree or git checkout (6.12)
	  --config-fragment FILE   add these options (a file, or a name in kernel/configs)
	  --debug                  the same as --config-fragment debug: DWARF for gdb
	  --out DIR                copy or link the result to DIR
	  --name NAME              keep it as NAME for "ring3 run -k NAME", and print that; - is a
	                           name made of the source and the fragments. The objects of a
	                           tree are kept, too, as with --dev
	  --dev                    build in build/kernel-SERIES[-FRAGMENT] (or -DIR's name) and keep
	                           the objects: after a change, of the tree too, only what depends
	                           on it is compiled
	  --no-modules             with --dev: build vmlinux only
	  --key                    print the cache key of this kernel and exit
	  -j N                     parallel jobs (all cores)

	The result is vmlinux, vmlinux.debug (with symbols), modules.img (ext4, to be
	mounted at /lib/modules), config, and release; its directory is printed.
	EOF
}

main()
{
	local source=6.12 out= name= dev=0 modules=1 key_only=0 fragments=() targets=() key dir
	JOBS=$(nproc)

	while [ $# -gt 0 ]; do
		case $1 in
		--source|--out|--name|--config-fragment|-j)
			[ $# -ge 2 ] || die "$1 needs a value: see kernel/build.sh --help"
			case $1 in
			--source) source=$2 ;;
			--out) out=$2 ;;
			--name) name=$2 ;;
			--config-fragment) fragments+=("$(find_fragment "$2")") || exit ;;
			-j) JOBS=$2 ;;
			esac
			shift ;;
		--debug) fragments+=("$(find_fragment debug)") || exit ;;
		-j?*) JOBS=${1#-j} ;;
		--dev) dev=1 ;;
		--no-modules) modules=0 ;;
		--key) key_only=1 ;;
		--help|-h) usage; exit 0 ;;
		-*) die "unknown option $1: see kernel/build.sh --help" ;;
		*) targets+=("$1") ;;
		esac
		shift
	done
	[ $dev = 1 ] || [ ${#targets[@]} = 0 ] || die "make targets need --dev"
	[[ $JOBS =~ ^[1-9][0-9]*$ ]] || die "-j wants a number of jobs, not '$JOBS'"

	# Only the result is for stdout, whatever the tools say there.
	exec 3>&1 >&2
	CACHE=$(cache_dir) || exit
	make_writable "$CACHE"
	[ $key_only = 1 ] || tools_check
	mkdir -p "$CACHE/src" "$CACHE/kernel"
	if [ -n "$name" ]; then
		is_series "$source" || { source_clean "$source"; dev=1; }
		[ "$name" != - ] || name=$(named_default "$source" "${fragments[@]+"${fragments[@]}"}")
		named_check "$name"
	fi
	if [ $dev = 1 ]; then
		dir=$CACHE/dev/$name
		[ -n "$name" ] || dir=$(dev_base "$source" "${fragments[@]+"${fragments[@]}"}")
		build_dev "$source" "$dir" "$modules" "${targets[*]-}" "${fragments[@]+"${fragments[@]}"}"
	else
		key=$(kernel_key "$source" "${fragments[@]+"${fragments[@]}"}") || exit
		dir=$CACHE/kernel/$key
		if [ $key_only = 1 ]; then
			printf '%s\n' "$key" >&3
			return
		fi
		if [ ! -d "$dir" ]; then
			with_lock "$CACHE/kernel/lock"
			[ -d "$dir" ] || build_cached "$source" "$dir" "${fragments[@]+"${fragments[@]}"}"
		fi
	fi
	if [ -n "$out" ]; then
		mkdir -p "$out" && out=$(realpath "$out") && (cd "$dir" && cp -rf $(result_files .) "$out/") ||
			die "cannot write to $out: name a writable directory"
		dir=$out
	fi
	[ -z "$name" ] || { named_keep "$name" "$dir" "$source" "${fragments[@]+"${fragments[@]}"}"; dir=$name; }
	printf '%s\n' "$dir" >&3
}

main "$@"
