# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests with a network of the test's own.

    from world import *
    world = World()

World() puts the test into namespaces of its own: this host is 192.0.2.1 and
2001:db8::1 there, and behind it, in a second namespace, is 192.0.2.2, 2001:db8::2,
which names of .test lead to. Its TCP port 80 answers with who asked, its UDP port 7
with what it was sent. Without namespaces the test is skipped, with the reason.
"""
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

NET = os.path.join(os.environ["BUILD"], "net", "nat", "ring3-net")
HOST4, HOST6, OUT4, OUT6 = "192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"

SERVERS = r"""
import os, socket, sys, threading
def tcp(family, port):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("", port))
    s.listen(64)
    while True:
        c, who = s.accept()
        c.settimeout(5)
        try:
            c.recv(4096)
            c.sendall(b"HTTP/1.0 200 OK\r\n\r\nfrom " + who[0].encode() + b"\n")
        except OSError:
            pass
        c.close()
def udp(family):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind(("", 7))
    while True:
        data, who = s.recvfrom(65536)
        s.sendto(data, who)
for f in (socket.AF_INET, socket.AF_INET6):
    for port in (80, 81):
        threading.Thread(target=tcp, args=(f, port)).start()
    if f == socket.AF_INET:
        threading.Thread(target=udp, args=(f,)).start()
print("ready", flush=True)
# Until the test is over, however that was.
sys.stdin.read()
os._exit(0)
"""


def call(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()


def enter():
    """Starts this test again in namespaces of its own."""
    if os.environ.get("NET_WORLD") == str(os.getppid()):
        return
    unshare = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    try:
        subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except (OSError, subprocess.CalledProcessError) as e:
        skip_all(f"host: no network namespaces of one's own: {getattr(e, 'stdout', None) or e}".replace("\n", " "))
    os.environ["NET_WORLD"] = str(os.getpid())
    sys.exit(subprocess.run([*unshare, sys.executable, *sys.argv]).returncode)


class World:
    def __init__(self):
        enter()
        call("ip", "link", "set", "lo", "up")
        # A process that is nothing but the other side's namespace, and then its servers.
        self.server = subprocess.Popen(["unshare", "--net", sys.executable, "-c", "input()\n" + SERVERS],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        pid = str(self.server.pid)
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{pid}/ns/net") != own)
        call("ip", "link", "add", "out0", "type", "veth", "peer", "name", "out1", "netns", pid)
        for ns, dev, four, six in (((), "out0", HOST4, HOST6), (("nsenter", "-t", pid, "-n"), "out1", OUT4, OUT6)):
            call(*ns, "ip", "link", "set", "lo", "up")
            call(*ns, "ip", "addr", "add", four + "/24", "dev", dev)
            call(*ns, "ip", "addr", "add", six + "/64", "dev", dev, "nodad")
            call(*ns, "ip", "link", "set", dev, "up")
        call("ip", "route", "add", "default", "via", OUT4)
        for path, text in (("hosts", f"127.0.0.1 localhost\n{OUT4} server.test\n{OUT4} other.test\n"), ("nsswitch.conf", "hosts: files\n")):
            with open(os.path.join(TMP, path), "w") as f:
                f.write(text)
            call("mount", "--bind", os.path.join(TMP, path), "/etc/" + path)
        with open("/proc/sys/net/ipv4/ping_group_range", "w") as f:
            f.write("0 0")
        self.server.stdin.write(b"\n")
        self.server.stdin.flush()
        self.server.stdout.readline()

    def close(self):
        self.server.kill()
        self.server.wait()


def exchange(kind, where, data=b"hello", timeout=5):
    """What comes back from a server; None if nothing does."""
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    with socket.socket(family, kind) as s:
        s.settimeout(timeout)
        try:
            s.connect(where)
            s.sendall(data)
            if kind == socket.SOCK_DGRAM:
                return s.recv(65536)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while more := s.recv(65536):
                got += more
            return got
        except OSError:
            return None


def guest_sh(text, *args, **kw):
    """Output and messages of a shell script in a guest."""
    r = guest(*args, *sh(text), **kw)
    return r.stdout.decode(errors="replace"), r.stderr.decode(errors="replace"), r.returncode


def network(g, name):
    """What ring3 ps --json has of a guest's cards."""
    for line in run("ps", "--json").stdout.decode().splitlines():
        info = json.loads(line)
        if info["name"] == name:
            return info["network"]
    return None
