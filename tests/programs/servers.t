#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# PostgreSQL, nginx with curl, tmux in the guest.
# timeout: 180
. "$(dirname "$0")/lib.sh"
in_guest servers
