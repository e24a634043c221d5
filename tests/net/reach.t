#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
# What a guest reaches through the NAT, what reaches it through -p, and what is
# refused: the same from inside of a real guest, by the programs that people use.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import *

world = World()
CURL = "curl -s -m 5 -o -"

# ---- out ----

out, err, status = guest_sh(f"""
ping -c1 -W2 10.0.2.2 > /dev/null && echo ping-gateway
ping -c1 -W2 {OUT4} > /dev/null && echo ping-outside
getent hosts server.test
{CURL} http://server.test/ && echo by-name
{CURL} http://[{OUT6}]/ && echo by-ipv6
{CURL} http://{OUT4}:81/ && echo by-ipv4
getent hosts nowhere.test || echo no-such-name
python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"x" * 1200, ("{OUT4}", 7))
print("udp", len(s.recv(4096)))'
""")
for what, want in (("the gateway answers a ping", "ping-gateway"), ("names resolve as on the host", rf"{OUT4}\s+server\.test"),
                   ("TCP by name", "by-name"), ("TCP over IPv6", "by-ipv6"), ("TCP by address", "by-ipv4"), ("UDP", "udp 1200"),
                   ("a ping goes out", "ping-outside"), ("a name that the host does not know is none", "no-such-name")):
    ok(re.search(want, out), what, out, err)
# ---- this host ----

listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listener.bind(("::", 4242))
listener.listen(16)
listener.settimeout(0.1)


def heard():
    n = 0
    while True:
        try:
            listener.accept()[0].close()
            n += 1
        except OSError:
            return n


out, err, status = guest_sh("\n".join(f"curl -s -m 3 http://{w}:4242/ > /dev/null && echo reached {w}" for w in
                                      ("10.0.2.2", HOST4, f"[{HOST6}]", "10.0.2.3", "0.0.0.0")) + "\necho end")
ok(out == "end\n" and not heard(), "neither this host's loopback nor its addresses are reached", out, err)
out, err, status = guest_sh(f"curl -s -m 3 http://10.0.2.2:4242/; curl -s -m 3 http://{HOST4}:4242/; echo end", "--net", "nat,host")
ok(out == "end\n" and heard() == 2, "with nat,host both are", out, err)
listener.close()

# ---- in ----

SERVER = r"""
import socket, threading
def tcp(family, host):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((host, 80))
    s.listen(16)
    while True:
        c, who = s.accept()
        data = b""
        while more := c.recv(65536):
            data += more
        c.sendall(b"guest got %d from " % len(data) + who[0].encode())
        c.close()
def udp(family, host):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((host, 53))
    while True:
        data, who = s.recvfrom(65536)
        s.sendto(b"udp:" + data, who)
for f, h in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    threading.Thread(target=tcp, args=(f, h)).start()
    threading.Thread(target=udp, args=(f, h)).start()
print("up", flush=True)
"""
g = Guest("--name", "web", "-p", "8080:80", "-p", "127.0.0.1:0:80", "-p", "[::1]:8086:80", "-p", "5353:53/udp", "-p", "9000-9001:80-81", "--",
          "python3", "-c", SERVER)
ok(g.expect("up\n"), "a server starts in the guest", g.text)
for what, where in (("IPv4", ("127.0.0.1", 8080)), ("IPv6", ("::1", 8080)), ("IPv4, by the host's address", (HOST4, 8080)),
                    ("IPv6, by the host's address", (HOST6, 8080)), ("an IPv6 address only", ("::1", 8086)), ("a range", ("127.0.0.1", 9000))):
    got = exchange(socket.SOCK_STREAM, where, b"x" * 100000)
    ok(got and got.startswith(b"guest got 100000 from "), f"TCP is published: {what}", got)
for what, where in (("IPv4", ("127.0.0.1", 5353)), ("IPv6", ("::1", 5353))):
    same(exchange(socket.SOCK_DGRAM, where, b"hello"), b"udp:hello", f"UDP is published: {what}")
same(exchange(socket.SOCK_STREAM, ("127.0.0.1", 8086)), None, "an address that was named is the only one")
cards = network(g, "web")
ports = [p for p in cards[0]["publish"] if p["address"] == "127.0.0.1"]
ok(len(ports) == 1 and ports[0]["host"] > 1023 and ports[0]["guest"] == 80, "ring3 ps --json has the port that was chosen", cards)
got = exchange(socket.SOCK_STREAM, ("127.0.0.1", ports[0]["host"]), b"x")
ok(got and got.startswith(b"guest got 1 from "), "and it leads into the guest", got)
text = run("ps").stdout.decode()
ok(all(t in text for t in ("10.0.2.15", "8080:80", f"127.0.0.1:{ports[0]['host']}:80", "[::1]:8086:80", "5353:53/udp")), "ring3 ps shows ports", text)
r = guest("-p", "8080:80", "--", "true")
ok(r.returncode == 125 and r.stderr.count(b"ring3: ") == 1 and b"8080" in r.stderr, "a port in use is refused in one sentence", r)
g.close()

# ---- rules ----

log = os.path.join(TMP, "net.log")
out, err, status = guest_sh(f"""
{CURL} http://server.test/ && echo allowed
{CURL} http://other.test/ || echo "other: $?"
{CURL} http://server.test:81/ || echo "port: $?"
timeout 5 bash -c 'echo > /dev/tcp/{OUT4}/81' 2>&1 || echo "address: $?"
getent hosts a.b.c.other.test || echo "dns: $?"
{CURL} http://[{OUT6}]/ || echo "ipv6: $?"
""", "--egress", "server.test:80", "--net-log", log)
ok("allowed" in out and all(f"{w}: " in out for w in ("other", "port", "address", "dns", "ipv6")), "--egress: what is named is reached, and nothing else", out, err)
ok(re.search("(?i)refused|unreachable|prohibited|not permitted", out), "the guest is told so at once", out)
with open(log) as f:
    lines = [json.loads(line) for line in f]
ok(any(x.get("event") == "refused" and "other.test" in json.dumps(x) for x in lines), "--net-log has a line for a refusal", lines)
ok(any(x.get("event") != "refused" and (OUT4 in json.dumps(x) or "server.test" in json.dumps(x)) for x in lines), "and for a connection", lines)
out, err, status = guest_sh(f"{CURL} http://{OUT4}/ || echo none; ping -c1 -W2 10.0.2.2 >/dev/null && echo gateway", "--egress", "none")
ok("none" in out, "--egress none: nothing", out, err)
world.close()
done()
