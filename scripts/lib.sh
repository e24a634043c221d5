# SPDX-License-Identifier: GPL-2.0-or-later
# Shell functions shared by run, test and the build scripts; to be sourced.
# All messages go to stderr: stdout belongs to the command in the guest.

# Debian keeps mke2fs and others out of a plain user's PATH.
PATH=$PATH:/usr/sbin:/sbin

# Exit status of a set-up that failed, apart from any status a guest command
# is likely to return.
SETUP_FAILED=125

die()
{
	progress_clear
	printf 'ring3: %s\n' "$*" >&2
	exit $SETUP_FAILED
}

note()
{
	progress_clear
	printf 'ring3: %s\n' "$*" >&2
}

# The user's cache. The default is created; one that was asked for too.
cache_dir()
{
	local dir=${XDG_CACHE_HOME:-${HOME:-}/.cache}/ring3

	case $dir in
	/ring3|/.cache/ring3)
		die "HOME is not set: set XDG_CACHE_HOME to a directory for kernels and disks" ;;
	/*) ;;
	*)
		die "XDG_CACHE_HOME is '$XDG_CACHE_HOME': give an absolute path" ;;
	esac
	printf '%s\n' "$dir"
}

# make_writable DIR: create it and prove that files can be created there.
make_writable()
{
	if ! mkdir -p "$1" 2>/dev/null || ! (: > "$1/.probe.$$") 2>/dev/null; then
		die "cannot write to $1: make it writable or set XDG_CACHE_HOME to another directory"
	fi
	rm -f "$1/.probe.$$"
}

# need_space DIR MIB: a full disk is told before an hour of work, not after.
need_space()
{
	local free

	free=$(df -Pm "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
	[ -z "$free" ] || [ "$free" -ge "$2" ] ||
		die "only $free MiB free in $1, $2 MiB are needed: free some space or set XDG_CACHE_HOME to another disk"
}

# with_lock FILE: take the lock on descriptor 9 for the rest of the shell, and
# say so when another one holds it.
with_lock()
{
	exec 9> "$1" || die "cannot write $1: make its directory writable"
	if ! flock -n 9; then
		note "waiting for another ring3 set-up to finish ($1)"
		flock 9
	fi
}

# prune KEEP PATH...: remove all but the KEEP newest of what a cache holds. A
# guest that has one of them open keeps it.
prune()
{
	local keep=$1

	shift
	ls -dt "$@" 2>/dev/null | tail -n +$((keep + 1)) | tr '\n' '\0' | xargs -0r rm -rf
}

# hash_tree DIR: of names and contents
hash_tree()
{
	(cd "$1" && find . -type f ! -name '*~' ! -name '.*.sw?' -print0 | LC_ALL=C sort -z |
		xargs -0 sha256sum) | sha256sum | cut -c1-16
}

# ---- progress: one line a step, percent and elapsed time ----

progress_title=
progress_start=0
progress_last=-1
progress_shown=0
progress_tty=0
[ -t 2 ] && progress_tty=1

progress_line()
{
	local t=$((SECONDS - progress_start))

	printf '%-44s %3d %%  %2d:%02d' "$progress_title" "$1" $((t / 60)) $((t % 60)) >&2
}

progress_clear()
{
	if [ "$progress_shown" = 1 ] && [ $progress_tty = 1 ]; then
		printf '\r\033[K' >&2
		progress_shown=0
	fi
}

# progress_begin TITLE
progress_begin()
{
	progress_title="ring3: $1"
	progress_start=$SECONDS
	progress_last=-1
	progress_at=-1
	progress 0
}

# progress PERCENT: on a terminal in place, in a log one line every tenth.
progress()
{
	local p=$1

	[ "$p" -le 99 ] || p=99
	[ "$p" -ge "$progress_last" ] || p=$progress_last
	if [ $progress_tty = 1 ]; then
		[ "$p" -gt "$progress_last" ] || [ $SECONDS -gt $progress_at ] || return 0
		printf '\r' >&2
		progress_line "$p"
		progress_shown=1
	elif [ $progress_last -lt 0 ] || [ $((p / 10)) -gt $((progress_last / 10)) ]; then
		progress_line "$p"
		printf '\n' >&2
	fi
	progress_last=$p
	progress_at=$SECONDS
}

progress_end()
{
	[ $progress_tty = 1 ] && printf '\r' >&2
	progress_line 100
	printf '\n' >&2
	progress_shown=0
}

# count_lines EXPECTED REGEX LOG: copy stdin to LOG and move the progress by
# the lines that match.
count_lines()
{
	local n=0 line

	: > "$3"
	while IFS= read -r line; do
		printf '%s\n' "$line" >> "$3"
		if [[ $line =~ $2 ]]; then
			n=$((n + 1))
			progress $((n * 100 / $1))
		fi
	done
	COUNTED=$n
}
