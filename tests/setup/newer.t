#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1200
# tags: slow
# needs: kernel-7.3
# The newest series that Debian has: it builds, and boots.
. "$(dirname "$0")/series.sh"

series_works 7.3
done_testing
