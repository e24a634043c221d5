# SPDX-License-Identifier: GPL-2.0-or-later
# For tests that look for servers of shared folders.

# servers PID: every ring3-fs below this process. (Their environment is not readable for a plain user.)
servers()
{
	local p q
	for p in $(pgrep -x ring3-fs); do
		q=$p
		while [ "${q:-0}" -gt 1 ] && [ "$q" != "$1" ]; do
			q=$(sed 's/.*) [A-Z] \([0-9]*\) .*/\1/' "/proc/$q/stat" 2>/dev/null)
		done
		[ "$q" != "$1" ] || echo "$p"
	done
}
