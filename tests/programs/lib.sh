# SPDX-License-Identifier: GPL-2.0-or-later
# A test here is guest/NAME.sh, run whole in one guest; to be sourced.
. "$(dirname "$0")/../lib.sh"

# in_guest NAME [OPTIONS]: what the script prints is this test's TAP. A guest
# that dies leaves no plan, which is a failure.
in_guest()
{
	local dir name=$1

	shift
	dir=$(dirname "$0")/guest
	GUEST_TIMEOUT=${GUEST_TIMEOUT_PROGRAMS:-150}
	guest "$@" -- bash -c "$(cat "$dir/tap.sh" "$dir/$name.sh")" < /dev/null
}
