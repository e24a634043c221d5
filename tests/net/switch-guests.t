#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 600
# tags: slow alone
# Guests on a switch: they reach each other, not another VLAN; cables and captures
# act on their traffic; a switch that goes takes the link with it.
. "$(dirname "$0")/../lib.sh"

trap 'kill $(jobs -p) 2> /dev/null; wait; "$RING3" net rm lan 2> /dev/null; rm -rf "$T"' EXIT

# server NAME OPTIONS ADDRESS: a guest that answers, until its stdin ends
server()
{
	mkfifo "$T/$1.in"
	"$RING3" run --name "$1" --timeout 500 --net "switch:lan,ip=$3/24$2" -- sh -c 'echo up; cat > /dev/null' \
		< "$T/$1.in" > "$T/$1.out" 2> "$T/$1.err" &
	eval "exec $4> '$T/$1.in'"
}

started()
{
	for _ in $(seq 600); do
		grep -q up "$T/$1.out" 2> /dev/null && return
		sleep 0.1
	done
	return 1
}

inside()
{
	local guest=$1

	shift
	timeout 60 "$RING3" exec "$guest" -- "$@"
}

# rtt: the smallest of ten, in ms
rtt()
{
	inside a ping -q -i 0.2 -c 10 192.168.9.2 | sed -n 's|^rtt [^=]*= \([0-9.]*\)/.*|\1|p'
}

between()
{
	awk -v v="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(v != "" && v >= low && v <= high) }'
}

status 125 "a switch that is not there: the guest does not start" "$RING3" run --net switch:lan -- true < /dev/null
"$RING3" net add lan
status 125 "options that a switch does not know" "$RING3" run --net switch:lan,delya=1ms -- true < /dev/null
server a "" 192.168.9.1 7
server b "" 192.168.9.2 8
server v ",vlan=10" 192.168.9.3 9
for g in a b v; do
	check "guest $g starts" started $g
done
check "two guests reach each other" inside a ping -q -c 3 192.168.9.2
status 1 "and not another VLAN" inside a ping -q -c 2 -W 1 192.168.9.3
like "$("$RING3" net ls lan)" '^ *[0-9] b ' "ports have the names of guests"
check "a cable gets a delay" "$RING3" net set lan b rx.delay=30ms
ms=$(rtt)
check "an echo takes 30 ms ($ms)" between "$ms" 30 33
check "in both directions" "$RING3" net set lan b delay=30ms
ms=$(rtt)
check "an echo takes 60 ms ($ms)" between "$ms" 60 66
"$RING3" net set lan b delay=0,loss=100%
status 1 "a cut cable" inside a ping -q -c 2 -W 1 192.168.9.2
"$RING3" net set lan b loss=0
check "is mended" inside a ping -q -c 2 192.168.9.2

# ---- TCP: with the offloads and without ----
cat > "$T/transfer" <<'EOF'
import socket, sys, time
if sys.argv[1] == "serve":
    s = socket.create_server(("", 5001))
    print("listening", flush=True)
    while True:
        c = s.accept()[0]
        n, h = 0, __import__("hashlib").sha256()
        while d := c.recv(1 << 18):
            n += len(d)
            h.update(d)
        c.sendall(f"{n} {h.hexdigest()}".encode())
        c.close()
n = int(sys.argv[2])
data = bytes(range(251)) * (n // 251 + 1)
c = socket.create_connection(("192.168.9.2", 5001))
t = time.monotonic()
c.sendall(data[:n])
c.shutdown(socket.SHUT_WR)
answer = c.recv(200).decode()
t = time.monotonic() - t
same = answer == f"{n} " + __import__("hashlib").sha256(data[:n]).hexdigest()
print("same" if same else answer, round(n * 8 / t / 1e6, 2))
EOF
if inside a python3 -c pass 2> /dev/null; then
	inside b python3 -c "$(cat "$T/transfer")" serve > "$T/serve.out" 2>&1 &
	for _ in $(seq 100); do
		grep -q listening "$T/serve.out" && break
		sleep 0.1
	done
	"$RING3" net capture lan b -w "$T/b.pcapng" &
	capture=$!
	read -r same mbit <<< "$(inside a python3 -c "$(cat "$T/transfer")" send 10000000)"
	is "$same" same "10 MB by TCP ($mbit Mbit/s)"
	"$RING3" net set lan b rate=20mbit
	read -r same mbit <<< "$(inside a python3 -c "$(cat "$T/transfer")" send 5000000)"
	is "$same" same "5 MB at a rate of 20 Mbit/s"
	check "take as long as they should ($mbit Mbit/s)" between "$mbit" 17 22
	"$RING3" net set lan b rate=0,loss=1%,duplicate=1%,reorder=1%
	read -r same mbit <<< "$(inside a python3 -c "$(cat "$T/transfer")" send 2000000)"
	is "$same" same "2 MB through a bad cable ($mbit Mbit/s)"
	kill $capture
	wait $capture 2> /dev/null
	if command -v tshark > /dev/null; then
		check "tshark reads the capture" tshark -n -q -r "$T/b.pcapng"
		# Data of ours, whatever protocol has the number of the client's port.
		is "$(tshark -n -r "$T/b.pcapng" -d tcp.port==5001,data -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
			-Y '_ws.malformed or tcp.checksum.status == 0 or ip.checksum.status == 0' 2> /dev/null)" "" "without an error"
	else
		skip "tshark reads the capture" "no tshark: install Debian's package tshark"
	fi
else
	skip "TCP" "no python3 in this root disk"
fi

"$RING3" net rm lan
for _ in $(seq 50); do
	[ "$(inside a cat /sys/class/net/eth0/carrier)" = 0 ] && break
	sleep 0.1
done
is "$(inside a cat /sys/class/net/eth0/carrier)" 0 "when the switch is gone the link is down, and the guest goes on"
done_testing
