# SPDX-License-Identifier: GPL-2.0-or-later
# An image of the modules of a build; to be sourced. Only what changed since the last time is
# done again: somebody waits for it who has edited one file.

# module_files OBJ: "SOURCE TARGET" for each module that was built, the second below lib/modules/RELEASE
module_files()
{
	local f

	# Up to 6.1 the list has the modules' names, later their objects'.
	while IFS= read -r f; do
		f=${f%.o}
		printf '%s/%s.ko\tkernel/%s.ko\n' "$1" "${f%.ko}" "${f%.ko}"
	done < "$1/modules.order"
}

# modules_fresh OBJ IMAGE: whether the image has what was built
modules_fresh()
{
	local from to

	[ "$2" -nt "$1/modules.order" ] && [ "$2" -nt "$1/include/config/kernel.release" ] || return
	while IFS=$'\t' read -r from to; do
		[ "$2" -nt "$from" ] || return
	done < <(module_files "$1")
}

# modules_pack OBJ STAGE IMAGE: STAGE ends in lib/modules. modules.img holds what belongs in /lib/modules. It is ext4
# because that driver is always there: it mounts the root too.
modules_pack()
{
	local obj=$1 stage=$2 image=$3 release dir from to size old

	release=$(cat "$obj/include/config/kernel.release") || return
	dir=$stage/$release
	# What another release left is no part of it.
	for old in "$stage"/*; do
		[ "$old" = "$dir" ] || rm -rf "$old"
	done
	mkdir -p "$dir/kernel" || die "cannot write $stage: free some space there"
	module_files "$obj" > "$stage.list"
	: > "$stage.new"
	while IFS=$'\t' read -r from to; do
		[ -e "$from" ] || die "the module ${from#"$obj/"} was not built: run make there, for modules too"
		[ "$dir/$to" -nt "$from" ] || printf '%s\n%s\n' "$dir/$to" "$from" >> "$stage.new"
	done < "$stage.list"
	sed -n 's|/[^/]*$||p; n' "$stage.new" | sort -u | tr '\n' '\0' | xargs -0r mkdir -p &&
		tr '\n' '\0' < "$stage.new" | xargs -0r -n 2 -P "$(nproc)" strip --strip-debug -o ||
		die "the modules cannot be copied: free some space in $stage"
	# Those that are no longer built.
	(cd "$dir" && find kernel -name '*.ko' | LC_ALL=C sort | comm -23 - <(cut -f2 "$stage.list" | LC_ALL=C sort) | tr '\n' '\0' | xargs -0r rm -f)
	cut -f2 "$stage.list" > "$dir/modules.order"
	for old in modules.builtin modules.builtin.modinfo; do
		[ ! -e "$obj/$old" ] || cp -f "$obj/$old" "$dir/"
	done
	depmod -b "${stage%/lib/modules}" "$release" 2> "$stage.log" || die "depmod failed: $(head -3 "$stage.log")"
	size=$(du -sk "$stage" | cut -f1)
	rm -f "$image.tmp"
	mke2fs -q -t ext4 -O ^has_journal,^resize_inode -m 0 -L modules -N 4096 -E root_owner=0:0 \
		-d "$stage" "$image.tmp" "$((size * 5 / 4 + 4096))k" > "$stage.log" 2>&1 ||
		die "cannot pack the kernel modules: free some space in $(dirname "$image")"
	mv "$image.tmp" "$image"
	rm -f "$stage.list" "$stage.new" "$stage.log"
}
