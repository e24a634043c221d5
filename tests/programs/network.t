#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's own networks: namespaces, NAT, tunnels.
# timeout: 180
. "$(dirname "$0")/lib.sh"
in_guest network
