#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gcc in the guest, and what it builds.
# timeout: 180
. "$(dirname "$0")/lib.sh"
in_guest compile
