#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# A guest and a monitor that lie to the server of a shared folder.
exec "$BUILD/tests/files/hostile" "$BUILD/fs/ring3-fs" "$TMPDIR"
