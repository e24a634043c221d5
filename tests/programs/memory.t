#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory as an x86-64 has it, at the edges: what may not be accessed is not, by
# whatever way; what is counted is right.
# timeout: 120
. "$(dirname "$0")/lib.sh"
in_guest memory --mem 512M
