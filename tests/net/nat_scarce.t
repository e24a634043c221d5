#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: alone
# What a guest gains when it uses up what ring3-net and the host have: nothing.
import sys
import os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from natlib import *


def serve(ready):
    s = Servers()
    s.listen(OUT4, 7)
    s.udp(OUT4, 7)
    ready()
    s.run()


world(serve, {})

# A datagram that --connection-rate drops does not make the next one an old flow's.
g = Guest("--connection-rate", "1", log=True)
g.ping(GATEWAY4)
for i in range(100):
    for _ in range(3):
        g.tx(eth(ip(GUEST4, OUT4, UDP, udp(GUEST4, OUT4, 20000 + i, 7, b"x"))))
answered = set()
while (p := g.rx(lambda p: p.proto == UDP, 1)) is not None:
    answered.add(p.dport)
ok(1 <= len(answered) <= 5, f"--connection-rate 1: {len(answered)} of 100 flows, each tried three times at once")
flows = {l["sport"] for l in g.logs() if l["event"] == "flow"}
is_(answered - flows, set(), "no flow is without its line in the log")
g.end()

# Datagrams to addresses that nobody on the link has fill the socket's buffer until the host gives up.
g = Guest()
g.ping(GATEWAY4)
for i in range(200):
    nobody = f"198.18.0.{200 + i % 4}"
    g.tx(eth(ip(GUEST4, nobody, UDP, udp(GUEST4, nobody, 3000, 7, b"x" * 8000))))
start = time.monotonic()
is_(g.ping(GATEWAY4, 6), "pong", "the gateway answers behind datagrams to nobody")
ok(time.monotonic() - start < 1.5, f"at once: {time.monotonic() - start:.2f} s")
g.end()

# Without a free UDP port the host cannot be asked whose an address is.
try:
    write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40009")
except OSError as e:
    skip("the host's address with no UDP port free", f"host: {e}")
    done()
    sys.exit()
server = socket.create_server((HOST4, 8080))
server.settimeout(0.5)
g = Guest()
is_(g.connect(HOST4, 8080), "reset", "the host's own address is refused")
tries = []
for n in range(3):
    for i in range(60):
        g.tx(eth(ip(GUEST4, OUT4, UDP, udp(GUEST4, OUT4, 21000 + i, 7, b"x"))))
    while g.rx(lambda p: p.proto == UDP, 0.3) is not None:
        pass
    # What was found out is kept for a second.
    time.sleep(1.1)
    tries.append(g.connect(HOST4, 8080))
is_(tries, ["reset"] * 3, "and with no UDP port free on this host too")
try:
    server.accept()
    ok(False, "nobody came")
except socket.timeout:
    ok(True, "nobody came")
g.end()
done()
