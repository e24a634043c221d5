# SPDX-License-Identifier: GPL-2.0-or-later
# Kernels that are kept under a name, for "ring3 kernel list" and "ring3 run -k NAME"; to be
# sourced. Each is a folder with what a build makes, and "about": lines "source=" and "config=".

# named_dir: where they are
named_dir()
{
	case ${XDG_DATA_HOME:-} in
	/*) printf '%s/ring3/kernels\n' "$XDG_DATA_HOME" ;;
	*)
		[[ ${HOME:-} == /* ]] || die "there is no place for kernels: set XDG_DATA_HOME to the absolute path of a directory"
		printf '%s/.local/share/ring3/kernels\n' "$HOME" ;;
	esac
}

# named_default SOURCE FRAGMENT...: 6.12-debug, or the tree's name
named_default()
{
	local name=$1

	is_series "$name" || name=$(basename "$(realpath "$name")")
	shift
	name=$name$(named_config "$@" | sed 's/[^ ]\+/-&/g; s/ //g')
	name=$(tr -c 'A-Za-z0-9._\n-' - <<< "$name")
	[[ $name =~ ^[A-Za-z0-9] ]] || name=k$name
	printf '%.63s\n' "$name"
}

# named_config FRAGMENT...: their names
named_config()
{
	local f names=

	for f; do
		f=${f##*/}
		names+=" ${f%.config}"
	done
	printf '%s\n' "${names# }"
}

named_check()
{
	[[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$ ]] ||
		die "--name $1: a kernel's name is up to 63 letters, digits, dots, dashes and underscores, the first a letter or digit"
}

# named_keep NAME RESULT SOURCE FRAGMENT...: hard links where the file system allows them
named_keep()
{
	local name=$1 result=$2 source=$3 dir new file

	shift 3
	dir=$(named_dir) || exit
	mkdir -p "$dir" 2> /dev/null && exec 8> "$dir/.lock" ||
		die "cannot write to $dir: make it writable or set XDG_DATA_HOME to another directory"
	flock 8
	rm -rf "$dir"/.new.* "$dir"/.old.*
	new=$dir/.new.$$
	mkdir "$new" || die "cannot write to $dir: free some space there"
	for file in $(result_files "$result"); do
		cp -al "$result/$file" "$new/" 2> /dev/null ||
			cp -a --reflink=auto --sparse=always "$result/$file" "$new/" ||
			die "cannot write to $dir: free some space there, or remove a kernel: ring3 kernel rm NAME"
	done
	is_series "$source" || source=$(realpath "$source")
	printf 'source=%s\nconfig=%s\n' "$source" "$(named_config "$@")" > "$new/about" || die "cannot write to $dir: free some space there"
	[ ! -e "$dir/$name" ] || mv "$dir/$name" "$dir/.old.$$" || die "cannot replace $dir/$name: make it writable"
	mv "$new" "$dir/$name" || die "cannot write to $dir: make it writable"
	rm -rf "$dir/.old.$$"
	exec 8>&-
}
