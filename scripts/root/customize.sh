#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Settings of a fresh guest root; mmdebstrap runs this with its path.
set -eu
root=$1

echo ring3 > "$root/etc/hostname"
cat > "$root/etc/hosts" <<-EOF
	127.0.0.1	localhost
	127.0.1.1	ring3
	::1	localhost ip6-localhost ip6-loopback
EOF
cat > "$root/etc/fstab" <<-EOF
	/dev/vda	/	ext4	defaults	0	1
EOF
# The host's resolver need not be reachable from a guest.
rm -f "$root/etc/resolv.conf"
: > "$root/etc/resolv.conf"

# No password opens root; the console logs in by itself, as whoever holds the
# console holds the machine.
sed -i 's/^root:[^:]*:/root:*:/' "$root/etc/shadow"
mkdir -p "$root/etc/systemd/system/serial-getty@.service.d"
cat > "$root/etc/systemd/system/serial-getty@.service.d/autologin.conf" <<-'EOF'
	[Service]
	ExecStart=
	ExecStart=-/sbin/agetty --autologin root --keep-baud 115200,57600,38400,9600 - $TERM
	Environment=TERM=xterm-256color
EOF

# An empty machine-id is filled anew at each boot: many guests share this disk.
rm -f "$root/etc/machine-id"
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/var/lib/systemd/random-seed"
# Without this folder the journal stays in memory.
rm -rf "$root/var/log/journal"
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nRuntimeMaxUse=16M\n' > "$root/etc/systemd/journald.conf.d/ring3.conf"

# A machine that lives for minutes does not look for updates by itself.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
	dpkg-db-backup.timer fstrim.timer; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# Servers of the test root are started by the tests that want them.
rm -f "$root"/etc/systemd/system/multi-user.target.wants/nginx.service \
	"$root"/etc/systemd/system/multi-user.target.wants/postgresql.service

# fakechroot does not see that initdb runs as postgres.
ids=$(sed -n 's/^postgres:[^:]*:\([0-9]*:[0-9]*\):.*/\1/p' "$root/etc/passwd")
[ -z "$ids" ] || chown -R "$ids" "$root/var/lib/postgresql"

rm -f "$root/etc/ld.so.conf.d/ring3-setup.conf"
mkdir -p "$root/lib/modules" "$root/mnt"
