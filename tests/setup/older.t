#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1200
# tags: slow extra
# needs: kernel-6.1
# The oldest series that the port promises to build for: it does, and boots.
. "$(dirname "$0")/series.sh"

series_works 6.1
done_testing
