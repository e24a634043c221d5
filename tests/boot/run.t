#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# A command in a guest: its output, its status, and that it needs no privilege.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/plain.sh"

# out CMD...: runs it with its stdout in OUT, its stderr in ERR, its status in RC
out()
{
	"$@" > "$T/out" 2> "$T/err" < /dev/null
	RC=$?
	OUT=$(cat "$T/out")
	ERR=$(cat "$T/err")
}

series='^Linux [0-9]+\.'
case ${RING3_SOURCE:-6.12} in
[0-9]*.[0-9]*) series="^Linux ${RING3_SOURCE:-6.12}\\." ;;
esac

# greets WHO COMMAND...: the issue's first example
greets()
{
	local who=$1

	shift
	out "$@" -- sh -c 'uname -sr; id -u; exit 7'
	like "$(head -1 "$T/out")" "$series" "$who: the guest is Linux"
	is "$(sed 1d "$T/out")" 0 "$who: its user is root"
	is "$RC" 7 "$who: the command's status comes back"
	is "$ERR" "" "$who: nothing is said on stderr"
}

greets "run" guest
plain_setup
is "$(plain id -u)" "$([ "$(id -u)" = 0 ] && echo $PLAIN_UID || id -u)" "a plain user is one"
like "$(plain grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status | tr -s '\t\n' ' ')" 'CapEff: 0+ .*NoNewPrivs: 1' "without capabilities, with no_new_privs"
if [ -e /dev/kvm ] && plain test -r /dev/kvm; then
	skip "/dev/kvm cannot be read" "host: everyone may read /dev/kvm"
else
	ok "/dev/kvm cannot be read"
fi
greets "plain user" plain_guest
refused_guest()
{
	plain "$PLAIN/refuse" timeout -k 5 $((GUEST_TIMEOUT + 10)) "$PLAIN/ring3" run --timeout "$GUEST_TIMEOUT" "$@"
}
check "the filter refuses what it shall" plain "$PLAIN/refuse" true
greets "plain user under a container's filter" refused_guest
out refused_guest -- sh -c '(echo a; echo b) | sort -r | tr -d "\n"; cat /proc/sys/kernel/random/uuid | wc -c; sleep 0.1 & wait'
is "$RC $OUT" "0 ba37" "there, processes, pipes and jobs work"
out plain_guest -- sh -c 'echo x > /root/file && sync && cat /root/file'
is "$RC $OUT" "0 x" "a plain user's guest writes to its root disk"
is "$(find "$PLAIN/run" "$PLAIN/tmp" -mindepth 1 ! -path "$PLAIN/run/ring3")" "" "a plain user's guests leave no file"
# Zombies belong to the host's init.
is "$(ps -o pid=,stat=,args= -u $PLAIN_UID | awk '$2 !~ /^Z/')" "" "and no process"

for status in 0 1 77 119 128 255; do
	out guest -- sh -c "exit $status"
	is "$RC" $status "exit status $status"
done
for signal in HUP INT ABRT KILL SEGV TERM; do
	out guest -- sh -c "kill -$signal \$\$"
	is "$RC" $((128 + $(kill -l $signal))) "a command that SIG$signal ends"
done
out guest -- no-such-command
is "$RC" 127 "a command that is not there is 127"
like "$ERR" '^ring3: .*no-such-command' "and is named"
out guest -- /etc/passwd
is "$RC" 126 "a command that cannot be executed is 126"
like "$ERR" '^ring3: .*/etc/passwd' "and is named"

out guest -- sh -c 'echo out; echo err >&2; echo out2'
is "$OUT" "out
out2" "stdout is the command's stdout"
is "$ERR" err "stderr is the command's stderr"
out guest --env 'X=a b' --cwd /usr --user 33:100 -- sh -c 'echo "$X $PWD $(id -u) $(id -g)"'
is "$OUT" "a b /usr 33 100" "environment, directory and user"
out guest -- printf '%s|' 'two words' "quote'" '$HOME' '' 'ä'
is "$OUT" "two words|quote'|\$HOME||ä|" "arguments arrive as they were given"

# Signals to ring3 are the command's.
"$RING3" run --timeout 60 -- sh -c 'trap "echo got; exit 9" TERM; echo up; while :; do sleep 0.1; done' > "$T/out" 2> "$T/err" < /dev/null &
pid=$!
for _ in $(seq 200); do
	grep -q up "$T/out" && break
	sleep 0.05
done
kill -TERM $pid
wait $pid
is "$? $(tail -1 "$T/out")" "9 got" "SIGTERM is passed to the command, which may take it"

# No write leaves all of these as they are.
image_state()
{
	stat -L -c "%i %s %b %y %z" "$RING3_ROOT"
}

before=$(image_state)
out guest -- sh -c 'echo changed > /etc/hostname; rm -rf /usr/share/doc; dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null; sync; df / | tail -1'
is "$RC" 0 "a guest changes its root disk"
out guest -- sh -c 'test ! -e /big && test -d /usr/share/doc && cat /etc/hostname'
is "$RC" 0 "the next guest does not see it"
is "$(image_state)" "$before" "and the image is what it was"
done_testing
