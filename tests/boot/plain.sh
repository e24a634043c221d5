# SPDX-License-Identifier: GPL-2.0-or-later
# Guests of a plain user; to be sourced after ../lib.sh.
#
# The user is one of no other process or test, without capabilities and with
# no_new_privs. Whoever is a plain user already stays who he is. The build and
# the cache may be where that user cannot look, so what a guest is made from is
# brought to him: the root disk as an open file, the rest as copies.

PLAIN_UID=$((61000 + $$ % 4000))

# plain_setup: sets PLAIN, a folder of that user's
plain_setup()
{
	PLAIN=$(mktemp -d /tmp/ring3-plain.XXXXXX) || exit 1
	trap 'rm -rf "$T" "$PLAIN"' EXIT
	mkdir "$PLAIN/run" "$PLAIN/tmp" "$PLAIN/bin"
	cp "${RING3_TEST_PROGRAM:-$RING3}" "$PLAIN/bin/ring3"
	cp "$BUILD/net/nat/ring3-net" "$PLAIN/bin/"
	# It may be tests/machine.
	if [ -n "${RING3_TEST_PROGRAM:-}" ]; then
		cp "$RING3" "$PLAIN/ring3"
		PLAIN_PROGRAM=$PLAIN/bin/ring3
	else
		ln -s bin/ring3 "$PLAIN/ring3"
	fi
	cp "$RING3_KERNEL" "$PLAIN/vmlinux"
	cp "$RING3_INITRD" "$PLAIN/initramfs"
	[ ! -x "$BUILD/tests/boot/refuse" ] || cp "$BUILD/tests/boot/refuse" "$PLAIN/refuse"
	chmod -R a+rX "$PLAIN"
	chmod 700 "$PLAIN/run"
	[ "$(id -u)" != 0 ] || chown $PLAIN_UID:$PLAIN_UID "$PLAIN" "$PLAIN/run" "$PLAIN/tmp"
	PLAIN_DISKS=
	exec 8< "$RING3_ROOT"
	if [ -n "${RING3_MODULES:-}" ]; then
		exec 7< "$RING3_MODULES"
		PLAIN_DISKS=/dev/fd/7
	fi
}

# plain CMD...: as that user
plain()
{
	local as=

	[ "$(id -u)" != 0 ] ||
		as="setpriv --reuid=$PLAIN_UID --regid=$PLAIN_UID --clear-groups --inh-caps=-all --bounding-set=-all"
	env XDG_RUNTIME_DIR="$PLAIN/run" TMPDIR="$PLAIN/tmp" HOME="$PLAIN" \
		RING3_KERNEL="$PLAIN/vmlinux" RING3_INITRD="$PLAIN/initramfs" \
		RING3_ROOT=/dev/fd/8 RING3_MODULES="$PLAIN_DISKS" ${PLAIN_PROGRAM:+RING3_TEST_PROGRAM="$PLAIN_PROGRAM"} \
		${as:-setpriv} --no-new-privs "$@"
}

# plain_guest [OPTIONS] [-- CMD...]
plain_guest()
{
	plain timeout -k 5 $((GUEST_TIMEOUT + 10)) "$PLAIN/ring3" run --timeout "$GUEST_TIMEOUT" "$@"
}
