#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that read other programs' code, or their own: valgrind, QEMU's user
# mode, and one that compares its C library with the file.
# timeout: 300
# tags: slow
. "$(dirname "$0")/lib.sh"
GUEST_TIMEOUT_PROGRAMS=280
in_guest translators --mem 1G
