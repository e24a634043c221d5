#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# Hosts that refuse walls of the jail: the others stand, and it is said.
. "$(dirname "$0")/../lib.sh"

without=$BUILD/tests/jail/without

# out CMD...: runs it with its stdout in OUT, its stderr in ERR, its status in RC
out()
{
	"$@" > "$T/out" 2> "$T/err" < /dev/null
	RC=$?
	OUT=$(cat "$T/out")
	ERR=$(cat "$T/err")
}

# on NAME... -- OPTIONS...: a guest on a host without these
on()
{
	local refused=()

	while [ "$1" != -- ]; do
		refused+=("$1")
		shift
	done
	shift
	out "$without" "${refused[@]}" -- timeout -k 5 70 "$RING3" run --timeout 60 "$@" -- echo hi
}

walls='system call lists|Landlock|namespace|empty root|no capabilities|no_new_privs|no core dumps|user|mount|network|IPC|UTS'
out "$RING3" doctor
full=$OUT
diag "$(grep jail: <<< "$full")"
is "$(grep -cE "^(ok|note|BAD) +jail: (no )?($walls)" <<< "$full")" 13 "doctor: each wall is told"

out "$without" landlock -- "$RING3" doctor
is "$(grep -cE '^note +jail: no Landlock .*Operation not permitted' <<< "$OUT")" 3 "doctor: Landlock is refused, and why"
out "$without" namespaces -- "$RING3" doctor
like "$OUT" '^note +jail: no mount namespace \(Operation not permitted\)' "doctor: namespaces are refused, and why"
like "$OUT" '^note +jail: no empty root' "doctor: without them there is no empty root"
out "$without" landlock namespaces -- "$RING3" doctor
like "$OUT" '^note .*between a hostile guest kernel and files, the network there is only the list' "doctor: what is left is said"
out "$without" seccomp -- "$RING3" doctor
is "$RC" 1 "doctor: without seccomp the host is bad"
like "$OUT" '^BAD +jail: no system call lists' "doctor: and that is said"

on -- --jail on
is "$RC $OUT $ERR" "0 hi " "a guest in its jail"
if grep -qE '^note +jail:' <<< "$full"; then
	skip "a guest that requires its jail" "host: it refuses walls"
else
	on -- --jail require
	is "$RC $OUT $ERR" "0 hi " "a guest that requires its jail"
fi
on namespaces --
is "$RC $OUT" "0 hi" "without namespaces a guest runs"
on landlock --
is "$RC $OUT" "0 hi" "without Landlock a guest runs"
on landlock namespaces --
is "$RC $OUT" "0 hi" "without both a guest runs"
is "$(grep -c '^ring3: between a hostile guest kernel and files, the network there is only' <<< "$ERR")" 1 "and that is said once"
on namespaces -- --jail require
is "$RC $OUT" "125 " "a guest that requires its jail is not started"
like "$ERR" '^ring3: --jail=require: .*mount namespace.*ring3 doctor' "and it is said why"
on seccomp --
is "$OUT" "" "without seccomp no guest runs"
like "$RC $ERR" '^125 ring3: .*seccomp' "and it is said why"
on -- --jail off
is "$RC $OUT" "0 hi" "a guest without a jail"
like "$ERR" '^ring3: the jail is off' "of which it is said"
on -- --jail maybe
like "$RC $ERR" '^125 ring3: --jail maybe' "no other kind of jail"
done_testing
