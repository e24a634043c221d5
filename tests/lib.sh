# SPDX-License-Identifier: GPL-2.0-or-later
# TAP and guests for tests in shell; to be sourced. See tests/README.md.
#
#	. "$(dirname "$0")/../lib.sh"
#	is "$(guest -- echo hi)" hi "a command's output comes back"
#	done_testing

TAP_N=0
TAP_BAD=0
: "${GUEST_TIMEOUT:=60}"

# A private folder that is gone when the test ends.
T=$(mktemp -d "${TMPDIR:-/tmp}/ring3-test.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 1' INT TERM HUP

ok()
{
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N - $*"
}

not_ok()
{
	TAP_N=$((TAP_N + 1))
	TAP_BAD=$((TAP_BAD + 1))
	echo "not ok $TAP_N - $*"
}

# skip DESCRIPTION REASON: a reason that the host gives starts with "host: ";
# any other is a failure in CI.
skip()
{
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N - $1 # SKIP $2"
}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

# diag: lines that explain, from the arguments or stdin
diag()
{
	if [ $# -gt 0 ]; then
		printf '%s\n' "$*"
	else
		cat
	fi | head -"${DIAG_LINES:-40}" | sed 's/^/# /'
}

# is GOT WANT DESCRIPTION
is()
{
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3"
		diag "got:  $1"
		diag "want: $2"
	fi
}

# like GOT REGEX DESCRIPTION (extended, anywhere in GOT)
like()
{
	if printf '%s\n' "$1" | grep -qE -- "$2"; then
		ok "$3"
	else
		not_ok "$3"
		diag "got:  $1"
		diag "want: $2"
	fi
}

# check DESCRIPTION COMMAND...: the command succeeds
check()
{
	local desc=$1 status=0

	shift
	"$@" > "$T/check.out" 2>&1 || status=$?
	if [ $status = 0 ]; then
		ok "$desc"
	else
		not_ok "$desc"
		diag "status $status: $*"
		diag < "$T/check.out"
	fi
}

# status WANT DESCRIPTION COMMAND...: the command exits with WANT
status()
{
	local want=$1 desc=$2 got=0

	shift 2
	"$@" > "$T/check.out" 2>&1 || got=$?
	if [ $got = "$want" ]; then
		ok "$desc"
	else
		not_ok "$desc"
		diag "status $got, want $want: $*"
		diag < "$T/check.out"
	fi
}

# guest [OPTIONS] [-- CMD...]: ring3 run, ended after GUEST_TIMEOUT seconds by
# its own --timeout, and some time later by force.
guest()
{
	timeout -k 5 $((GUEST_TIMEOUT + 10)) "$RING3" run --timeout "$GUEST_TIMEOUT" "$@"
}

done_testing()
{
	echo "1..$TAP_N"
	[ $TAP_BAD = 0 ]
	exit
}
