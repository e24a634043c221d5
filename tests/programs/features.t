#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Namespaces, cgroups, file systems and kernel interfaces in the guest.
# timeout: 180
. "$(dirname "$0")/lib.sh"
in_guest features
