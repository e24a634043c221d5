#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# python, perl, git, sqlite and archivers in the guest.
# timeout: 180
. "$(dirname "$0")/lib.sh"
in_guest languages
