# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest without a guest: speaks frames with ring3-net over its socket pair.

World() makes namespaces with an outside: servers on other addresses than the
host's own, and files of name resolution that are the test's.
"""
import ctypes
import ipaddress
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import lib
from lib import done, ok, same as is_, skip, skip_all

BUILD = os.environ["BUILD"]
NET = os.environ.get("RING3_NET") or os.path.join(BUILD, "net/nat/ring3-net")
MAC = bytes.fromhex("525400123456")
GUEST4, GATEWAY4, DNS4 = "10.0.2.15", "10.0.2.2", "10.0.2.3"
GUEST6, GATEWAY6, DNS6 = "fd72:696e:6733::15", "fd72:696e:6733::2", "fd72:696e:6733::3"
LINK6 = "fe80::5054:ff:fe12:3456"
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
NEEDS_CSUM, DATA_VALID = 1, 2
GSO_TCPV4, GSO_TCPV6, GSO_UDP = 1, 4, 5

# ---- packets ----

def norm(addr):
    return str(ipaddress.ip_address(addr))


def packed(addr):
    return ipaddress.ip_address(addr).packed


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def pseudo(src, dst, proto, length):
    if ":" in dst:
        return packed(src) + packed(dst) + struct.pack("!II", length, proto)
    return packed(src) + packed(dst) + struct.pack("!BBH", 0, proto, length)


def ip(src, dst, proto, payload, ident=0, off=0, options=b"", ttl=64):
    if ":" in dst:
        return struct.pack("!IHBB", 6 << 28, len(payload), proto, ttl) + packed(src) + packed(dst) + payload
    ihl = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 4 << 4 | ihl, 0, ihl * 4 + len(payload), ident, off, ttl, proto, 0) + \
        packed(src) + packed(dst) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def eth(packet, src=MAC, dst=b"\x52\x55\x0a\x00\x02\x02"):
    return dst + src + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet


def udp(src, dst, sport, dport, data, good=True):
    length = 8 + len(data)
    seg = struct.pack("!HHHH", sport, dport, length, 0) + data
    c = checksum(pseudo(src, dst, UDP, length) + seg) or 0xffff
    return seg[:6] + struct.pack("!H", c if good else 0) + data


def tcp(src, dst, sport, dport, seq, ack, flags, data=b"", options=b"", win=65535, good=True):
    seg = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                      (5 + len(options) // 4) << 4, flags, win, 0, 0) + options + data
    c = checksum(pseudo(src, dst, TCP, len(seg)) + seg) if good else 0
    return seg[:16] + struct.pack("!H", c) + seg[18:]


def icmp_echo(src, dst, ident, seq, data=b"hello"):
    if ":" in dst:
        m = struct.pack("!BBHHH", 128, 0, 0, ident, seq) + data
        return m[:2] + struct.pack("!H", checksum(pseudo(src, dst, ICMP6, len(m)) + m)) + m[4:]
    m = struct.pack("!BBHHH", 8, 0, 0, ident, seq) + data
    return m[:2] + struct.pack("!H", checksum(m)) + m[4:]


class Packet:
    """A frame from ring3-net; checks all of its checksums."""

    def __init__(self, frame):
        self.frame = frame
        self.type = struct.unpack("!H", frame[12:14])[0]
        self.proto = self.src = self.dst = None
        p = frame[14:]
        if self.type == 0x800:
            ihl = (p[0] & 15) * 4
            total = struct.unpack("!H", p[2:4])[0]
            self.proto, self.src, self.dst = p[9], str(ipaddress.ip_address(p[12:16])), str(ipaddress.ip_address(p[16:20]))
            self.body = p[ihl:total]
            self.good = checksum(p[:ihl]) == 0
            self.fragment = struct.unpack("!H", p[6:8])[0] & 0x3fff
        elif self.type == 0x86dd:
            total = struct.unpack("!H", p[4:6])[0]
            self.proto, self.src, self.dst = p[6], str(ipaddress.ip_address(p[8:24])), str(ipaddress.ip_address(p[24:40]))
            self.body = p[40:40 + total]
            self.good = True
            self.fragment = 0
        else:
            self.body = p
            return
        if self.fragment:
            return
        ps = b"" if self.proto == ICMP else pseudo(self.src, self.dst, self.proto, len(self.body))
        self.good = self.good and checksum(ps + self.body) == 0
        if self.proto in (TCP, UDP):
            self.sport, self.dport = struct.unpack("!HH", self.body[:4])
        if self.proto == TCP:
            self.seq, self.ack, off, self.flags, self.win = struct.unpack("!IIBBH", self.body[4:16])
            self.data = self.body[(off >> 4) * 4:]
        elif self.proto == UDP:
            self.data = self.body[8:]
        elif self.proto in (ICMP, ICMP6):
            self.icmp = self.body[0], self.body[1]


def dns_query(name, qtype=1, ident=None, edns=0):
    ident = random.randrange(65536) if ident is None else ident
    q = struct.pack("!HHHHHH", ident, 0x100, 1, 0, 0, 1 if edns else 0)
    for label in name.rstrip(".").split(".") if name.strip(".") else []:
        q += bytes([len(label)]) + label.encode("latin1")
    q += b"\0" + struct.pack("!HH", qtype, 1)
    if edns:
        q += b"\0" + struct.pack("!HHIH", 41, edns, 0, 0)
    return q


def dns_name(m, at):
    labels = []
    end = None
    while True:
        n = m[at]
        if n & 0xc0:
            end = end or at + 2
            at = struct.unpack("!H", m[at:at + 2])[0] & 0x3fff
            continue
        at += 1
        if not n:
            return ".".join(labels), end or at
        labels.append(m[at:at + n].decode("latin1"))
        at += n


def dns_answer(m):
    """(rcode, [texts of records], tc)"""
    _, flags, qd, an, _, _ = struct.unpack("!HHHHHH", m[:12])
    at = 12
    for _ in range(qd):
        at = dns_name(m, at)[1] + 4
    out = []
    for _ in range(an):
        _, at = dns_name(m, at)
        rtype, _, _, n = struct.unpack("!HHIH", m[at:at + 10])
        data = m[at + 10:at + 10 + n]
        if rtype in (1, 28):
            out.append(str(ipaddress.ip_address(data)))
        elif rtype in (5, 12):
            out.append(dns_name(m, at + 10)[0])
        else:
            out.append(data)
        at += 10 + n
    return flags & 15, out, bool(flags & 0x200)


# ---- the guest ----

class Refused(Exception):
    pass


class Conn:
    def __init__(self, guest, dst, port, sport, seq, ack):
        self.g, self.dst, self.port, self.sport, self.seq, self.ack = guest, dst, port, sport, seq, ack
        self.src = guest.addr(dst)
        self.data, self.closed = b"", False

    def put(self, flags, data=b"", **kw):
        self.g.tx(eth(ip(self.src, self.dst, TCP, tcp(self.src, self.dst, self.sport, self.port, self.seq, self.ack, flags, data))), **kw)
        self.seq += len(data) + bool(flags & (SYN | FIN))

    def send(self, data):
        self.put(ACK | PSH, data)

    def mine(self, p):
        return p.proto == TCP and p.src == self.dst and p.sport == self.port and p.dport == self.sport

    def recv(self, want, timeout=5):
        end = time.monotonic() + timeout
        while len(self.data) < want and not self.closed and time.monotonic() < end:
            p = self.g.rx(self.mine, max(0.01, end - time.monotonic()))
            if p is None:
                break
            if p.flags & RST:
                self.closed = True
                break
            if p.seq == self.ack & 0xffffffff:
                self.data += p.data
                self.ack += len(p.data) + bool(p.flags & FIN)
                if p.data or p.flags & FIN:
                    self.put(ACK)
                if p.flags & FIN:
                    self.closed = True
        got, self.data = self.data, b""
        return got

    def close(self):
        self.put(FIN | ACK)


class Guest:
    def __init__(self, *options, log=False, expect="ready", limits=None, env=None):
        self.frames, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.frames.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        fds = [theirs.fileno(), control.fileno()]
        args = [NET, "--frames", str(fds[0]), "--control", str(fds[1]), *options]
        self.log_read = None
        if log:
            self.log_read, w = os.pipe()
            os.set_blocking(self.log_read, False)
            args += ["--log", str(w)]
            fds.append(w)
        self.log_text = ""
        self.queue = []
        self.next_port = random.randrange(20000, 50000)
        self.p = subprocess.Popen(args, pass_fds=fds, preexec_fn=limits, env=env)
        theirs.close()
        control.close()
        if log:
            os.close(w)
        self.ready = self.event(20)
        if expect and (not self.ready or self.ready["event"] != expect):
            raise SystemExit(f"ring3-net: {self.ready}")

    def event(self, timeout=5):
        if not select.select([self.control], [], [], timeout)[0]:
            return None
        m = self.control.recv(65536)
        return json.loads(m) if m else None

    def stats(self):
        self.control.send(b'{"op":"stats"}')
        return self.event()

    def end(self):
        """Closes the control socket. Returns the exit status."""
        self.control.close()
        try:
            return self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return "did not end"
        finally:
            self.frames.close()

    def logs(self, wait=0.3):
        """Lines since the last call."""
        end = time.monotonic() + wait
        while time.monotonic() < end:
            try:
                data = os.read(self.log_read, 65536)
                if data:
                    self.log_text += data.decode()
                    continue
            except BlockingIOError:
                pass
            time.sleep(0.02)
        *lines, self.log_text = self.log_text.split("\n")
        return [json.loads(l) for l in lines]

    def addr(self, dst):
        return GUEST6 if ":" in dst else GUEST4

    def port(self):
        self.next_port = self.next_port + 1 if self.next_port < 60000 else 20000
        return self.next_port

    def tx(self, frame, hdr=b"\0" * 12):
        self.frames.send(hdr + frame)

    def neighbour(self, p):
        """Answers ARP and neighbour solicitations for the guest. Return: whether it was one."""
        if p.type == 0x806:
            if p.body[6:8] == b"\0\1" and p.body[24:28] == packed(GUEST4):
                self.tx(p.body[8:14] + MAC + b"\x08\x06" + bytes.fromhex("0001080006040002") + MAC +
                        packed(GUEST4) + p.body[8:14] + p.body[14:18])
            return True
        if p.proto == ICMP6 and p.icmp[0] == 135:
            target = str(ipaddress.ip_address(p.body[8:24]))
            m = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + packed(target) + b"\2\1" + MAC
            m = m[:2] + struct.pack("!H", checksum(pseudo(target, p.src, ICMP6, len(m)) + m)) + m[4:]
            self.tx(eth(ip(target, p.src, ICMP6, m, ttl=255)))
            return True
        return p.proto == ICMP6 and p.icmp[0] in (133, 134, 136)

    def rx(self, match=lambda p: True, timeout=3, neighbours=True):
        for i, p in enumerate(self.queue):
            if match(p):
                return self.queue.pop(i)
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.frames], [], [], left)[0]:
                return None
            m = self.frames.recv(70000)
            if not m:
                return None
            self.last_hdr = m[:12]
            p = Packet(m[12:])
            if p.proto and not p.fragment and not p.good:
                print(f"# bad checksum from ring3-net: {m[12:80].hex()}")
                lib.failed += 1
            if match(p):
                return p
            if neighbours and self.neighbour(p):
                continue
            self.queue = (self.queue + [p])[-200:]
        return None

    def error_for(self, dst, timeout):
        return self.rx(lambda p: p.proto in (ICMP, ICMP6) and p.icmp[0] in (1, 3) and packed(dst) in p.body, timeout)

    def connect(self, dst, port, sport=None, timeout=3, src=None):
        """A Conn; or "reset", "icmp TYPE CODE", "nothing"."""
        sport = sport or self.port()
        dst = norm(dst)
        src = src or self.addr(dst)
        seq = random.randrange(1 << 31)
        mss = b"\2\4" + struct.pack("!H", 1400)
        self.tx(eth(ip(src, dst, TCP, tcp(src, dst, sport, port, seq, 0, SYN, options=mss))))
        p = self.rx(lambda p: (p.proto == TCP and p.src == dst and p.dport == sport) or
                    (p.proto in (ICMP, ICMP6) and p.icmp[0] in (1, 3) and packed(dst) in p.body), timeout)
        if p is None:
            return "nothing"
        if p.proto != TCP:
            return f"icmp {p.icmp[0]} {p.icmp[1]}"
        if p.flags & RST:
            return "reset"
        c = Conn(self, dst, port, sport, seq + 1, p.seq + 1)
        c.put(ACK)
        return c

    def udp(self, dst, port, data, sport=None, timeout=3, src=None):
        """The answer's data; or "icmp TYPE CODE", "nothing"."""
        sport = sport or self.port()
        dst = norm(dst)
        src = src or self.addr(dst)
        self.tx(eth(ip(src, dst, UDP, udp(src, dst, sport, port, data))))
        p = self.rx(lambda p: (p.proto == UDP and p.dport == sport and p.src == dst) or
                    (p.proto in (ICMP, ICMP6) and p.icmp[0] in (1, 3) and packed(dst) in p.body), timeout)
        if p is None:
            return "nothing"
        return p.data if p.proto == UDP else f"icmp {p.icmp[0]} {p.icmp[1]}"

    def ping(self, dst, timeout=3, src=None):
        dst = norm(dst)
        src = src or self.addr(dst)
        ident = random.randrange(65536)
        proto = ICMP6 if ":" in dst else ICMP
        self.tx(eth(ip(src, dst, proto, icmp_echo(src, dst, ident, 1))))
        p = self.rx(lambda p: p.proto == proto and
                    ((p.icmp[0] in (0, 129) and p.src == dst and p.body[4:6] == struct.pack("!H", ident)) or
                     (p.icmp[0] in (1, 3) and packed(dst) in p.body)), timeout)
        if p is None:
            return "nothing"
        return "pong" if p.icmp[0] in (0, 129) else f"icmp {p.icmp[0]} {p.icmp[1]}"

    def dns(self, name, qtype=1, server=DNS4, over="udp", edns=0, timeout=8, raw=False):
        q = dns_query(name, qtype, edns=edns)
        if over == "udp":
            m = self.udp(server, 53, q, timeout=timeout)
        else:
            c = self.connect(server, 53)
            if isinstance(c, str):
                return c
            c.send(struct.pack("!H", len(q)) + q)
            m = c.recv(2, timeout)
            if len(m) < 2:
                return "closed"
            n = struct.unpack("!H", m[:2])[0] + 2
            if len(m) < n:
                m += c.recv(n - len(m), timeout)
            c.close()
            m = m[2:]
        if isinstance(m, str):
            return m
        if m[:2] != q[:2]:
            return "another query's answer"
        return m if raw else dns_answer(m)


# ---- namespaces ----

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
OUT4, HOST4 = "198.18.0.2", "198.18.0.1"
OUT6, HOST6 = "2001:db8:1::2", "2001:db8:1::1"


def unshare(flags):
    if libc.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def run(*cmd):
    subprocess.run(cmd, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def world(serve, files):
    """Moves this process into namespaces where `serve()` runs outside.

    It runs in another network namespace, with OUT4 and OUT6, and more addresses
    198.18.0.3 to .9. `files`: {path: text} in place of the host's.
    """
    uid, gid = os.getuid(), os.getgid()
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")
        run("mount", "--make-rprivate", "/")
    except (OSError, subprocess.CalledProcessError) as e:
        skip_all(f"host: no namespaces for tests: {e}")
    for i, (path, text) in enumerate(files.items()):
        copy = tempfile.mktemp()
        write(copy, text)
        run("mount", "--bind", copy, os.path.realpath(path))
    r, w = os.pipe()
    r2, w2 = os.pipe()
    child = os.fork()
    if not child:
        os.close(r)
        os.close(w2)
        libc.prctl(1, signal.SIGKILL)
        unshare(CLONE_NEWNET)
        os.write(w, b"1")
        os.read(r2, 1)
        run("ip", "link", "set", "lo", "up")
        run("ip", "addr", "add", f"{OUT4}/24", "dev", "veth1")
        for i in range(3, 10):
            run("ip", "addr", "add", f"198.18.0.{i}/24", "dev", "veth1")
        run("ip", "addr", "add", f"{OUT6}/64", "dev", "veth1", "nodad")
        run("ip", "addr", "add", "2001:db8:1::3/64", "dev", "veth1", "nodad")
        run("ip", "link", "set", "veth1", "up")
        run("ip", "route", "add", "default", "via", HOST4)
        try:
            serve(lambda: os.write(w, b"2"))
        finally:
            os._exit(0)
    os.close(w)
    os.close(r2)
    os.read(r, 1)
    try:
        run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1", "netns", str(child))
    except subprocess.CalledProcessError as e:
        skip_all(f"host: no veth devices: {e}")
    run("ip", "link", "set", "lo", "up")
    run("ip", "addr", "add", f"{HOST4}/24", "dev", "veth0")
    run("ip", "addr", "add", f"{HOST6}/64", "dev", "veth0", "nodad")
    run("ip", "link", "set", "veth0", "up")
    run("ip", "route", "add", "default", "via", OUT4)
    run("ip", "-6", "route", "add", "default", "via", OUT6)
    try:
        write("/proc/sys/net/ipv4/ping_group_range", "0 0")
    except OSError:
        pass
    os.write(w2, b"1")
    os.read(r, 1)
    return child


class Servers:
    """Echo servers and name servers, by select. Counts what arrived in `seen`."""

    def __init__(self):
        self.poll = select.poll()
        self.socks = {}

    def add(self, sock, kind):
        self.socks[sock.fileno()] = (sock, kind)
        self.poll.register(sock, select.POLLIN)
        return sock

    def listen(self, addr, port, kind="echo"):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((addr, port))
        s.listen(600)
        return self.add(s, ("listen", kind))

    def udp(self, addr, port, kind="echo"):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        s = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((addr, port))
        return self.add(s, ("udp", kind))

    def run(self, dns=None):
        while True:
            for fd, _ in self.poll.poll():
                sock, (what, kind) = self.socks[fd]
                if what == "listen":
                    self.add(sock.accept()[0], ("conn", kind))
                elif what == "conn":
                    try:
                        data = sock.recv(262144)
                    except OSError:
                        data = b""
                    if not data:
                        self.poll.unregister(sock)
                        del self.socks[fd]
                        sock.close()
                    elif kind == "echo":
                        sock.sendall(data)
                    elif kind == "upper":
                        sock.sendall(data.upper())
                else:
                    data, peer = sock.recvfrom(65536)
                    answer = dns(data) if kind == "dns" else data
                    if answer:
                        sock.sendto(answer, peer)
