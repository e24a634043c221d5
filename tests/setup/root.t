#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The root disk, looked at without booting it.
PATH=$PATH:/usr/sbin:/sbin
. "$(dirname "$0")/../lib.sh"

look()
{
	debugfs -R "$1" "$RING3_ROOT" 2>/dev/null
}

# ---- made beside the kernel ----

mkdir -p "$T/tree/scripts" "$T/tree/kernel" "$T/tree/build"
cp "$REPO"/scripts/*.sh "$T/tree/scripts/"
# step NAME SCRIPT TEXT: a script of the set-up that does only this
step()
{
	printf '#!/bin/sh\necho %s >> "%s/steps"\n%s\n' "$1" "$T" "$3" > "$T/tree/$2"
	chmod +x "$T/tree/$2"
}

# made: what such a set-up of kernel and disk says and does
made()
{
	rm -rf "$T/steps" "$T/tree/build/stamps"
	(
		unset RING3_KERNEL RING3_MODULES RING3_ROOT RING3_INITRD
		export XDG_CACHE_HOME=$T/cache
		REPO=$T/tree
		. "$REPO/scripts/lib.sh"
		. "$REPO/scripts/setup.sh"
		fingerprint() { echo x; }
		tree_tag() { :; }
		setup_packages() { :; }
		setup_host() { mkdir -p "$BUILD/cli" && touch "$BUILD/cli/ring3" "$BUILD/initramfs.cpio"; }
		setup_initramfs() { :; }
		setup 1 1 all
		echo "$RING3_ROOT"
	) > "$T/made" 2> "$T/said"
	echo "$? $(cat "$T/made")"
}

# Each waits for the other to be at work.
wait='for i in $(seq 200); do [ ! -e "'$T'/%s" ] || exit 0; sleep 0.1; done; exit 1'
mkdir -p "$T/out" && touch "$T/out/vmlinux" "$T/out/modules.img" "$T/disk"
step kernel kernel/build.sh "touch $T/k; echo $T/out; ${wait/\%s/r}"
step root scripts/mkroot "touch $T/r; echo $T/disk; ${wait/\%s/k}"
is "$(made)" "0 $T/disk" "the kernel and the root disk are made at the same time"
step root scripts/mkroot "[ -e $T/again ] || { touch $T/again; exit 1; }; echo no network >&2; exit 1"
is "$(made) $(cat "$T/said")" "1  no network" "what goes wrong with the disk is said when the kernel is there"
step kernel kernel/build.sh "for i in \$(seq 200); do [ ! -e $T/pid ] || exit 3; sleep 0.1; done"
step root scripts/mkroot "sleep 100 & echo \$! > $T/pid.tmp; mv $T/pid.tmp $T/pid; wait"
is "$(made)" "3 " "a kernel that does not build ends it"
# It is gone, or nobody has looked at its end yet.
ended() { for _ in $(seq 100); do grep -qs '^State:[[:space:]]*[^Z[:space:]]' "/proc/$(cat "$T/pid")/status" || return 0; sleep 0.1; done; return 1; }
check "and the disk's making" ended

# ---- the disk itself ----

check "the file system is clean" e2fsck -fn "$RING3_ROOT"
is "$(look 'cat /etc/hostname')" ring3 "its name"
like "$(look 'cat /usr/lib/os-release')" 'VERSION_ID="12"' "Debian 12"
like "$(look 'stat /usr/bin/su')" 'Mode: +04755' "su is setuid"
like "$(look 'stat /usr/bin/su')" 'User: +0 +Group: +0' "files are root's, whoever made the disk"
like "$(look 'ea_list /usr/bin/ping')" 'security.capability \(20\)' "ping has its capability"
is "$(look 'cat /etc/shadow' | cut -d: -f2 | grep -c '^\$')" 0 "no account has a password"
is "$(look 'cat /etc/shadow' | grep -c '^[a-z]*::')" 0 "no account has an empty password"
is "$(look 'cat /etc/machine-id')" "" "the machine id is left to the boot"
like "$(look 'stat /etc/systemd/system/apt-daily.timer')" 'Type: symlink' "no timer looks for updates"
look 'stat /var/lib/dpkg/status' | grep -q 'Type: regular'
is $? 0 "dpkg's database is there"

used=$(du -k "$RING3_ROOT" | cut -f1)
all=$(($(stat -c %s "$RING3_ROOT") / 1024))
check "the image is sparse ($((used / 1024)) of $((all / 1024)) MiB)" [ $((used * 2)) -lt $all ]
like "$(dumpe2fs -h "$RING3_ROOT" 2>/dev/null | sed -n 's/^Reserved block count: *//p')" '^0$' "no blocks are held back"
done_testing
