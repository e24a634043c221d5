#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Within fakechroot the run path of systemd's programs leads to the host's
# libraries, if it has any. mmdebstrap builds its LD_LIBRARY_PATH from this
# file, which customize.sh takes away again.
set -eu
root=$1
dir=/usr/lib/x86_64-linux-gnu/systemd

mkdir -p "$root$dir" "$root/etc/ld.so.conf.d"
echo "$dir" > "$root/etc/ld.so.conf.d/ring3-setup.conf"
