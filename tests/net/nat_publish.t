#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# --publish: the guest's ports on the host.
import sys
import os
import threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from natlib import *


def serve(ready):
    """Clients outside: a datagram "ADDR PORT tcp|udp TEXT" to port 1 makes one, and is answered with what came back."""
    s = Servers()
    s.udp(OUT4, 1, "dns")

    def client(m):
        addr, port, proto, text = m.decode().split(" ", 3)
        c = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET,
                          socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
        c.settimeout(5)
        try:
            c.connect((addr, int(port)))
            c.send(text.encode())
            return c.recv(1000)
        except OSError as e:
            return str(e).encode()
    ready()
    s.run(client)


world(serve, {})
pusher = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
pusher.settimeout(8)


def from_outside(addr, port, proto, text):
    pusher.sendto(f"{addr} {port} {proto} {text}".encode(), (OUT4, 1))


class Server(threading.Thread):
    """The guest's: answers with the source as it sees it."""

    def __init__(self, g):
        super().__init__(daemon=True)
        self.g, self.conns, self.peers = g, {}, []
        self.start()

    def run(self):
        g = self.g
        while True:
            try:
                p = g.rx(lambda p: p.proto in (TCP, UDP), 60)
            except OSError:
                return
            if p is None:
                return
            if p.proto == UDP:
                self.peers.append((p.src, p.sport))
                g.tx(eth(ip(p.dst, p.src, UDP, udp(p.dst, p.src, p.dport, p.sport, f"{p.src} {p.dport} ".encode() + p.data))))
                continue
            key = p.src, p.sport, p.dport
            if p.flags & SYN:
                self.conns[key] = [1000, p.seq + 1]
                g.tx(eth(ip(p.dst, p.src, TCP, tcp(p.dst, p.src, p.dport, p.sport, 999, p.seq + 1, SYN | ACK))))
            elif p.data and key in self.conns:
                seq, ack = self.conns[key]
                if p.seq != ack:
                    continue
                text = f"{p.src} {p.dport} ".encode() + p.data
                g.tx(eth(ip(p.dst, p.src, TCP, tcp(p.dst, p.src, p.dport, p.sport, seq, ack + len(p.data), ACK | PSH, text))))
                self.conns[key] = [seq + len(text), ack + len(p.data)]


def ask(addr, port, proto="tcp", text="hi"):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM) as c:
        c.settimeout(5)
        try:
            c.connect((addr, port))
            c.send(text.encode())
            return c.recv(1000).decode()
        except OSError as e:
            return str(e)


g = Guest("--publish", "8080:80", "--publish", "5353:53/udp", "--publish", "[::1]:8081:81", "--publish", "127.0.0.1::82/tcp",
          "--publish", "9000-9002:90-92", "--publish", "0:83", "--publish", f"{HOST4}:8084:84/udp", "--publish", "85",
          "--egress", "none", log=True)
ports = [(p["proto"], p["address"], p["host"], p["guest"]) for p in g.ready["publish"]]
for want in (("tcp", "0.0.0.0", 8080, 80), ("tcp", "::", 8080, 80), ("udp", "0.0.0.0", 5353, 53), ("udp", "::", 5353, 53),
             ("tcp", "::1", 8081, 81), ("tcp", "0.0.0.0", 9002, 92)):
    ok(want in ports, f"ready says {want[0]} {want[1]} {want[2]} for {want[3]}")
free = {p[3]: p for p in ports if p[3] in (82, 83, 85)}
ok(all(p[2] >= 1024 for p in free.values()) and free[82][1] == "127.0.0.1", "free ports are told")
is_(len({p[2] for p in ports if p[3] == 83}), 1, "the same one for both families")
server = Server(g)
is_(ask("127.0.0.1", 8080), f"{GATEWAY4} 80 hi", "TCP; the loopback is the gateway to the guest")
is_(ask("::1", 8080), f"{GATEWAY6} 80 hi", "TCP over IPv6")
is_(ask("::1", 8081), f"{GATEWAY6} 81 hi", "one address only")
is_(ask("127.0.0.1", 8081)[:5], "[Errn", "and no other")
is_(ask("127.0.0.1", free[82][2]), f"{GATEWAY4} 82 hi", "a free port")
is_([ask("127.0.0.1", 9000 + i) for i in range(3)], [f"{GATEWAY4} {90 + i} hi" for i in range(3)], "a range")
is_(ask(HOST4, 8080), f"{HOST4} 80 hi", "the host's own address is told truly")
is_(ask("127.0.0.1", 5353, "udp"), f"{GATEWAY4} 53 hi", "UDP")
is_(ask("::1", 5353, "udp"), f"{GATEWAY6} 53 hi", "UDP over IPv6")
is_(ask(HOST4, 8084, "udp"), f"{HOST4} 84 hi", "UDP on one address")
for addr, port, proto, who in ((HOST4, 8080, "tcp", OUT4), (HOST6, 8080, "tcp", OUT6), (HOST4, 5353, "udp", OUT4), (HOST6, 5353, "udp", OUT6)):
    from_outside(addr, port, proto, "far")
    got = pusher.recv(1000).decode()
    if who == OUT6:
        ok(got.startswith("2001:db8:1::") and got.endswith(f"{80 if proto == 'tcp' else 53} far"), f"{proto} from outside over IPv6, with its true source")
    else:
        is_(got, f"{who} {80 if proto == 'tcp' else 53} far", f"{proto} from outside, with its true source")
# Both kinds of peers by turns.
is_((ask("127.0.0.1", 5353, "udp"), ask(HOST4, 5353, "udp"), ask("127.0.0.1", 5353, "udp")),
    (f"{GATEWAY4} 53 hi", f"{HOST4} 53 hi", f"{GATEWAY4} 53 hi"), "UDP from loopback and not, by turns")
# Answers only to those who asked, although it is a published port.
peer = [p for p in server.peers if p[0] == OUT4][0]
l = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
l.bind((HOST4, 0))
l.settimeout(0.5)
g.tx(eth(ip(GUEST4, HOST4, UDP, udp(GUEST4, HOST4, 53, l.getsockname()[1], b"unasked"))))
try:
    got = l.recv(100)
except OSError:
    got = None
is_(got, None, "a published port sends to nobody who did not ask")
lines = g.logs()
ok(any(l["event"] == "accept" and l["proto"] == "tcp" and l["port"] == 80 for l in lines), "accepted connections are in the log")
ok(any(l["event"] == "accept" and l["proto"] == "udp" and l["src"] == OUT4 for l in lines), "and peers of UDP ports")
socks = [socket.create_connection(("127.0.0.1", 8080)) for _ in range(100)]
for s in socks:
    s.send(b"many")
got = 0
for s in socks:
    s.settimeout(5)
    got += s.recv(100) == f"{GATEWAY4} 80 many".encode()
is_(got, 100, "a hundred connections at once")
for s in socks:
    s.close()


# Bad ports: one sentence.
def refused(*specs):
    b = Guest(*[x for s in specs for x in ("--publish", s)], expect=None)
    e = b.ready or {}
    b.end()
    return e.get("event"), e.get("message", "")


for spec, words in (("8080:90", "is in use"), ("127.0.0.1:8080:90", "is in use"), ("[::]:8080:90", "is in use"), ("5353:1/udp", "is in use"),
                    ("192.0.2.99:1234:90", "does not have the address"), ("9001-9003:1-3", "9001")):
    event, message = refused(spec)
    ok(event == "error" and words in message and spec in message and "\n" not in message, f"{spec}: {message}")
event, message = refused("7001:1", "7001:2")
ok(event == "error" and "in use" in message, "the same port twice")
for spec in ("", ":", "x", "80:", "0:0", "1:2:3:4", "::1:80:80", "[::1]:80", "[::1:80:80", "70000:1", "1:70000", "1-2:1-3", "2-1:1-2", "80:80/sctp", "host:80:80", "1:1/", "-1:1", "1:1 "):
    r = subprocess.run([NET, "--check", "--publish", spec], stderr=subprocess.PIPE)
    ok(r.returncode == 2 and r.stderr.count(b"\n") == 1 and spec.encode() in r.stderr, f"refused: '{spec}': {r.stderr.decode()[:-1]}")
g.end()
g = Guest("--publish", "[::]:8080:80", "--publish", "0.0.0.0:8080:81")
ok(len(g.ready["publish"]) == 2, "ports are free again afterwards; each family by itself")
# Before the guest has said a word: connections over both families wait for it.
t = [socket.create_connection(("127.0.0.1", 8080), 3), socket.create_connection(("::1", 8080), 3)]
time.sleep(1)
g.tx(b"\xff" * 6 + MAC + b"\x08\x06" + bytes.fromhex("0001080006040001") + MAC + packed(GUEST4) + b"\0" * 6 + packed(GATEWAY4))
g.rx(lambda p: p.type == 0x806)
t.append(socket.create_connection(("::1", 8080), 3))
port = t[-1].getsockname()[1]
p = g.rx(lambda p: p.proto == TCP and p.dst == GUEST6 and p.sport == port)
is_(p and p.frame[:6], MAC, "a guest that has said anything is found over IPv6")
ok(g.stats() is not None and g.p.poll() is None, "connections before the guest is there do no harm")
g.end()
done()
