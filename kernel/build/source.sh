# SPDX-License-Identifier: GPL-2.0-or-later
# Finding and unpacking kernel sources; to be sourced. The functions that print
# a path are for $(...): the lock they may take is given back at its end.

# source_tarball SERIES: path of Debian's linux-source-SERIES tarball. Taken
# from the installed package, else the package is downloaded, which needs no
# privileges.
source_tarball()
{
	local tar=/usr/src/linux-source-$1.tar.xz dl=$CACHE/src/deb-$1

	if [ ! -r "$tar" ]; then
		tar=$dl/usr/src/linux-source-$1.tar.xz
	fi
	if [ ! -r "$tar" ]; then
		need_space "$CACHE" 500
		with_lock "$CACHE/src/lock-download"
	fi
	if [ ! -r "$tar" ]; then
		rm -rf "$dl" "$dl".tmp.*
		progress_begin "download linux-source-$1"
		if ! debian_download "linux-source-$1" "$dl.tmp.$$" || ! dpkg-deb -x "$dl.tmp.$$"/*.deb "$dl.tmp.$$"; then
			progress_clear
			grep -E '^[EW]:' "$dl.tmp.$$/log" | tail -3 >&2
			rm -rf "$dl.tmp.$$"
			die "linux-source-$1 cannot be downloaded: check the network, install that package, or name an unpacked tree with --source DIR"
		fi
		rm -rf "$dl.tmp.$$"/*.deb "$dl.tmp.$$/apt"
		mv "$dl.tmp.$$" "$dl" || exit $SETUP_FAILED
		progress_end
	fi
	printf '%s\n' "$tar"
}

# source_unpack SERIES: path of the unpacked, untouched tree in the cache.
source_unpack()
{
	local tar tree

	tar=$(source_tarball "$1") || exit
	tree=$CACHE/src/linux-$1-$(stat -Lc '%s-%Y' "$tar")
	if [ ! -d "$tree" ]; then
		need_space "$CACHE" 2500
		with_lock "$CACHE/src/lock"
	fi
	if [ ! -d "$tree" ]; then
		rm -rf "$tree".tmp.*
		mkdir -p "$tree.tmp.$$"
		progress_begin "unpack linux-source-$1"
		tar -C "$tree.tmp.$$" --strip-components=1 --checkpoint=10000 \
			--checkpoint-action='echo=%u' -xJf "$tar" 2>&1 |
		while read -r _ n _; do
			[[ $n =~ ^[0-9]+$ ]] && progress $((n * 100 / 150000))
		done
		[ "${PIPESTATUS[0]}" = 0 ] ||
			die "cannot unpack $tar: reinstall linux-source-$1, or free some space in $CACHE"
		mv "$tree.tmp.$$" "$tree"
		progress_end
	fi
	printf '%s\n' "$tree"
}

# source_version TREE: what the tree calls itself, for example 6.12.117.
source_version()
{
	[ -f "$1/Makefile" ] && [ -f "$1/Kconfig" ] ||
		die "$1 is not a Linux source tree: name an unpacked one, or 6.12 or 6.1"
	awk '/^VERSION =/ { v = $3 } /^PATCHLEVEL =/ { p = $3 } /^SUBLEVEL =/ { s = $3 }
	     /^EXTRAVERSION =/ { e = $3 } END { print v "." p "." s e }' "$1/Makefile"
}

# source_overlay TREE COPY: COPY becomes TREE with our port laid over it. Hard
# links where the file system allows them. The directory must be a real one:
# kbuild resolves the port's ../../x86 paths physically.
source_overlay()
{
	if [ ! -d "$2/arch/x86" ]; then
		rm -rf "$2"
		mkdir -p "$(dirname "$2")"
		cp -al "$1" "$2.tmp" 2>/dev/null || {
			rm -rf "$2.tmp"
			cp -a --reflink=auto "$1" "$2.tmp" ||
				die "cannot copy the source tree to $2: free some space there"
		}
		mv "$2.tmp" "$2"
	fi
	sync_dir "$REPO/kernel/arch/ring3" "$2/arch/ring3" include/ring3
	sync_dir "$REPO/abi/ring3" "$2/arch/ring3/include/ring3"
}

# sync_dir FROM TO [KEEP]: make TO equal to FROM except for the folder KEEP. A
# file that did not change is not touched, so that make has nothing to do.
sync_dir()
{
	local f

	mkdir -p "$2"
	(cd "$1" && find . -type f ! -name '*~' ! -name '.*.sw?' -print) | while IFS= read -r f; do
		cmp -s "$1/$f" "$2/$f" && continue
		mkdir -p "$(dirname "$2/$f")"
		rm -f "$2/$f"
		cp "$1/$f" "$2/$f"
	done
	(cd "$2" && find . ${3:+-path "./$3" -prune -o} -type f -print) | while IFS= read -r f; do
		[ -e "$1/$f" ] || rm -f "$2/$f"
	done
}
