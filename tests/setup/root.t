#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The root disk, looked at without booting it.
PATH=$PATH:/usr/sbin:/sbin
. "$(dirname "$0")/../lib.sh"

look()
{
	debugfs -R "$1" "$RING3_ROOT" 2>/dev/null
}

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
