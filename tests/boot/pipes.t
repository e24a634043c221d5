#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# A guest's command as part of a pipeline.
. "$(dirname "$0")/../lib.sh"

is "$(echo hello | guest -- cat | tr a-z A-Z)" HELLO "echo hello through cat and tr"
is "$(printf 'no newline' | guest -- cat | od -An -c | tr -d ' \n')" "nonewline" "no newline is added"
is "$(guest -- cat < /dev/null | wc -c)" 0 "an empty stdin is empty"
is "$(guest -- sh -c 'wc -c; echo more' < "$0")" "$(wc -c < "$0")
more" "a file as stdin"
is "$(seq 5 | guest -- sed 's/$/!/' | guest -- tail -1)" "5!" "two guests in one pipeline"

# Every byte value, and as much as does not fit any buffer.
perl -e 'print pack("C*", 0..255) x 16' > "$T/bytes"
guest -- cat < "$T/bytes" > "$T/bytes.out"
check "every byte value passes" cmp "$T/bytes" "$T/bytes.out"
head -c 100000000 /dev/urandom > "$T/random"
guest -- cat < "$T/random" > "$T/random.out"
is "$? $(stat -c %s "$T/random.out")" "0 100000000" "100 MB through a guest: as many bytes"
check "which are identical" cmp "$T/random" "$T/random.out"
head -c 100000000 "$T/random" | guest -- cat | cmp - "$T/random" > "$T/cmp" 2>&1
is "${PIPESTATUS[*]} $(cat "$T/cmp")" "0 0 0 " "the same with pipes at both ends"
sum=$(sha256sum < "$T/random")
is "$(guest -- sha256sum < "$T/random")" "$sum" "the guest saw the same bytes"
is "$(guest -- sh -c 'cat > /root/copy; sha256sum < /root/copy' < "$T/random")" "$sum" "also by way of its disk"
is "$(guest -- sh -c 'head -c 20000000 /dev/zero; exit 3' | wc -c; echo "${PIPESTATUS[0]}")" "20000000
3" "a slow end of the pipe gets all of it"

guest -- sh -c 'head -c 20000000 /dev/zero >&2; echo done; exit 4' > "$T/out" 2> "$T/err"
is "$? $(cat "$T/out") $(stat -c %s "$T/err")" "4 done 20000000" "20 MB on stderr stay on stderr"
guest -- sh -c 'i=0; while [ $i -lt 2000 ]; do echo out; echo err >&2; i=$((i+1)); done' > "$T/out" 2> "$T/err"
is "$(sort -u "$T/out") $(wc -l < "$T/out") $(sort -u "$T/err") $(wc -l < "$T/err")" "out 2000 err 2000" "neither loses a line when both are written"
is "$(guest -- sh -c 'echo 1; echo 2 >&2; echo 3' 2>&1 | sort | tr -d '\n')" 123 "both into one pipe"

# What is closed.
guest -- sh -c 'cat; echo rc $?' <&- > "$T/out" 2> "$T/err"
is "$? $(tail -1 "$T/out")" "0 rc 0" "stdin closed"
guest -- sh -c 'echo x; exit 5' >&- 2> "$T/err"
is $? 5 "stdout closed: the command runs"
guest -- sh -c 'echo x >&2; echo y; exit 6' 2>&- > "$T/out"
is "$? $(cat "$T/out")" "6 y" "stderr closed"
guest -- true <&- >&- 2>&-
is $? 0 "all three closed"
time=$SECONDS
guest -- sh -c 'while echo line; do :; done' 2> "$T/err" | head -1 > "$T/out"
status=${PIPESTATUS[0]}
is "$status $(cat "$T/out") $(cat "$T/err")" "141 line " "stdout closed early: SIGPIPE ends the command, without a word"
[ $((SECONDS - time)) -lt 20 ] && ok "and at once" || not_ok "and at once"
yes | guest -- head -1 > "$T/out"
is "${PIPESTATUS[*]} $(cat "$T/out")" "141 0 y" "a command that stops reading ends the pipeline before it"
{ sleep 3; echo late; } | guest -- cat > "$T/out"
is "$(cat "$T/out")" late "a writer that takes its time"
mkfifo "$T/fifo"
guest -- sh -c 'read x; echo "got $x"; read y; echo "and $y"' < "$T/fifo" > "$T/out" &
pid=$!
exec 5> "$T/fifo"
echo one >&5
for _ in $(seq 200); do
	grep -q one "$T/out" && break
	sleep 0.05
done
is "$(cat "$T/out")" "got one" "a line arrives while stdin stays open"
echo two >&5
exec 5>&-
wait $pid
is "$? $(tail -1 "$T/out")" "0 and two" "and so does the next one"
guest -- sh -c 'echo x; exit 3' > /dev/full 2> "$T/err"
is "$? $(grep -c 'No space left' "$T/err")" "3 1" "stdout on a full disk is said"
done_testing
