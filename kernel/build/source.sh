# SPDX-License-Identifier: GPL-2.0-or-later
# Finding and unpacking kernel sources; to be sourced. The functions that print
# a path are for $(...): the lock they may take is given back at its end.

# series_suites SERIES: where Debian has it. A series that is not in the table is
# looked for.
series_suites()
{
	case $1 in
	6.1|6.12) echo "$SUITE" ;;
	7.3) echo trixie-backports ;;
	*) echo "$SUITE $SUITE-backports trixie trixie-security trixie-backports sid" ;;
	esac
}

# is_series NAME: a series, and not a directory
is_series()
{
	[[ $1 =~ ^[0-9]+\.[0-9]+$ ]]
}

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
		# shellcheck disable=SC2046
		if ! debian_download "linux-source-$1" "$dl.tmp.$$" $(series_suites "$1") ||
		   ! dpkg-deb -x "$dl.tmp.$$"/*.deb "$dl.tmp.$$"; then
			progress_clear
			source_missing "$1" "$dl.tmp.$$"
		fi
		rm -rf "$dl.tmp.$$"/*.deb "$dl.tmp.$$/apt"
		mv "$dl.tmp.$$" "$dl" || exit $SETUP_FAILED
		progress_end
	fi
	printf '%s\n' "$tar"
}

# source_missing SERIES DIR: say why the download in DIR gave no sources, and end
source_missing()
{
	local errors names

	errors=$(grep -E '^[EW]:' "$2/log" 2>/dev/null)
	names=$(debian_names "$2" linux-source- | sed -n 's/^linux-source-\([0-9][0-9.]*\)$/\1/p' | sort -V | tr '\n' ' ')
	rm -rf "$2"
	[[ $errors != *"Unable to locate package"* || -z $names ]] ||
		die "Debian has no linux-source-$1 now, but these: ${names% }; name one of them, or an unpacked tree with --source DIR"
	tail -3 <<< "$errors" >&2
	[[ $errors != *NO_PUBKEY* ]] ||
		die "linux-source-$1 is signed by a key that this host's keyring does not have: update the package debian-archive-keyring"
	die "linux-source-$1 cannot be downloaded: check the network, install that package, or name an unpacked tree with --source DIR"
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
		die "$1 is not a Linux source tree: name an unpacked one, or a series such as 6.12"
	awk '/^VERSION =/ { v = $3 } /^PATCHLEVEL =/ { p = $3 } /^SUBLEVEL =/ { s = $3 }
	     /^EXTRAVERSION =/ { e = $3 } END { print v "." p "." s e }' "$1/Makefile"
}

# source_clean DIR: end unless it is a source tree that nobody built in. What a
# build leaves there would be found instead of what is made for ours.
source_clean()
{
	[ -d "$1" ] || die "there is no directory $1: --source wants a series such as 6.12, or a source tree"
	source_version "$1" > /dev/null || exit
	[ -z "$(cd "$1" && ls -d .config include/config include/generated arch/*/include/generated 2>/dev/null)" ] ||
		die "$1 has been built in: run 'make mrproper' there first, or name a clean copy (git worktree add); what was built there with ARCH=ring3 boots by \"ring3 run -k $1\""
}

# source_state DIR: the state of a tree that people work in
source_state()
{
	if git -C "$1" rev-parse HEAD > /dev/null 2>&1 && [ -e "$1/.git" ]; then
		git -C "$1" rev-parse 'HEAD^{tree}' || return
		{ git -C "$1" diff HEAD; git -C "$1" ls-files -o --exclude-standard -z |
			(cd "$1" && xargs -0r sha256sum); } | sha256sum
	else
		tree_list "$1" | sha256sum
	fi | tr '\n' ' '
}

# tree_list DIR: path, size and time of its files, but for git's and our port's
tree_list()
{
	(cd "$1" && find . \( -path ./.git -o -path ./arch/ring3 \) -prune -o \( -type f -o -type l \) \
		-printf '%P\t%s\t%T@\n') | LC_ALL=C sort
}

# source_overlay TREE COPY: COPY becomes TREE with our port laid over it. Hard
# links where the file system allows them. The directory must be a real one:
# kbuild resolves the port's ../../x86 paths physically.
source_overlay()
{
	if [ ! -d "$2/arch/x86" ]; then
		rm -rf "$2" "$2.tmp"
		mkdir -p "$(dirname "$2")"
		cp -al "$1" "$2.tmp" 2>/dev/null || {
			rm -rf "$2.tmp"
			cp -a --reflink=auto "$1" "$2.tmp" ||
				die "cannot copy the source tree to $2: free some space there"
		}
		# The copy is not git's: its version is not to depend on git.
		rm -rf "$2.tmp/.git"
		mv "$2.tmp" "$2"
	elif [[ $1 != "$CACHE/src/"* ]]; then
		source_follow "$1" "$2"
	fi
	port_into "$2"
}

# port_into TREE: arch/ring3 is made equal to the port
port_into()
{
	sync_dir "$REPO/kernel/arch/ring3" "$1/arch/ring3" include/ring3
	sync_dir "$REPO/abi/ring3" "$1/arch/ring3/include/ring3"
}

# source_follow TREE COPY: what changed in TREE since, changes in COPY. Files keep
# their times, so make compiles what depends on them.
source_follow()
{
	local list=$2.lists

	rm -rf "$list"
	mkdir "$list" || die "cannot write $list: free some space there"
	tree_list "$1" > "$list/tree"
	tree_list "$2" > "$list/copy"
	comm -23 "$list/tree" "$list/copy" | cut -f1 > "$list/new"
	comm -13 "$list/tree" "$list/copy" | cut -f1 > "$list/old"
	(cd "$2" && xargs -d '\n' -r rm -f) < "$list/old"
	(cd "$1" && xargs -d '\n' -r cp -dlf --parents -t "$2" 2>/dev/null) < "$list/new" ||
		(cd "$1" && xargs -d '\n' -r cp -dpf --parents -t "$2") < "$list/new" ||
		die "cannot copy the source tree to $2: free some space there"
	rm -rf "$list"
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
	(cd "$2" && find . ${3:+-path "./$3" -prune -o} -type f ! -name .gitignore -print) | while IFS= read -r f; do
		[ -e "$1/$f" ] || rm -f "$2/$f"
	done
}
