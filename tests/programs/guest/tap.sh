# SPDX-License-Identifier: GPL-2.0-or-later
# TAP in the guest; comes before the script that uses it.
n=0
bad=0
cd "$(mktemp -d)" || exit
export HOME=/root LC_ALL=C.UTF-8

# t DESCRIPTION COMMAND...: the command succeeds
t()
{
	local desc=$1 rc=0

	shift
	"$@" > /run/out 2>&1 || rc=$?
	n=$((n + 1))
	if [ $rc = 0 ]; then
		echo "ok $n - $desc"
	else
		bad=1
		echo "not ok $n - $desc"
		echo "# status $rc: $1"
		tail -30 /run/out | cut -c1-300 | sed 's/^/# /'
	fi
}

# wait_for COMMAND...: until it succeeds, for some seconds
wait_for()
{
	local i

	for i in $(seq 100); do
		"$@" > /dev/null 2>&1 && return
		sleep 0.1
	done
	echo "did not happen: $*"
	return 1
}

clean_log()
{
	! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|stall|soft lockup|general protection|ended a guest process'
}

finish()
{
	t "the kernel has nothing to complain about" clean_log
	echo "1..$n"
	exit $bad
}
