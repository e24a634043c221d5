#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 60
# What the server of a host's root does not show.
cd "$TMPDIR" && exec "$BUILD/tests/files/hostroot" "$BUILD/fs/ring3-fs"
