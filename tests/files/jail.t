#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a guest that has taken over ring3-fs reaches: the folder, and nothing else.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/servers.sh"
J=$BUILD/tests/files/jailed
for what in "lists" "walls" "lists ro" "walls ro" "lists host" "walls host"; do
	rm -rf "$T/x" && mkdir -p "$T/x/share" "$T/x/outside"
	echo secret > "$T/x/outside/secret"; echo text > "$T/x/share/file"; ln -s ../outside/secret "$T/x/share/link"
	mkdir -p "$T/x/share"/{usr,home,opt/named,opt/other}; ln -s ../../outside/secret "$T/x/share/usr/link"
	tee "$T/x/share"/{usr/file,home/key,opt/named/x,opt/other/x} > /dev/null <<< text
	# shellcheck disable=SC2086
	out=$("$J" "$T/x/share" $what 2>&1); st=$?
	if [[ $out == *"# SKIP"* ]]; then
		skip "$what" "${out#*SKIP }"
		continue
	fi
	is "$st $(grep -A1 '^not ok' <<< "$out")" "0 " "$what: $(grep -c '^ok' <<< "$out") attempts"
	is "$(ls "$T/x/outside") $(cat "$T/x/outside/secret")" "secret secret" "... and beside the folder nothing has changed"
done
# The real one has all of that, in each thread.
mkdir -p "$T/s"
mkfifo "$T/in"
guest --net none --share "$T/s:/s" -- sh -c 'echo ready; read x' > "$T/out" 2>&1 < "$T/in" &
exec 8> "$T/in"
for i in $(seq 200); do grep -q ready "$T/out" && break; sleep 0.1; done
p=$(servers $!)
is "$(cat /proc/$p/task/*/status | grep -E '^(Seccomp|NoNewPrivs|CapEff|CapBnd):' | sort -u | tr -s '\t\n' ' ')" \
	"CapBnd: 0000000000000000 CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 " "ring3-fs has its lists in every thread, and no capability"
if ls "/proc/$p/root" > /dev/null 2>&1; then
	is "$(ls "/proc/$p/root" | tr '\n' ' ')" "fd share " "its root has the folder and its own descriptors"
else
	skip "its root has the folder and its own descriptors" "host: a plain user may not look"
fi
exec 8>&-; wait
done_testing
