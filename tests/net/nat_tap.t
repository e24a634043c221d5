#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# ring3-net under the TCP of a real kernel, which has a tap device at its other
# end in place of a guest.
import sys
import os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from natlib import *

TAPGUEST = os.path.join(BUILD, "tests/net/tapguest")
os.environ["RING3_NET"] = NET
SIZE = 20 << 20


def serve(ready):
    s = Servers()
    for a in (OUT4, OUT6):
        s.listen(a, 7)
        s.udp(a, 7)
    ready()
    s.run()


CLIENT = """
import socket, sys, threading, hashlib, os
host, size = sys.argv[1], int(sys.argv[2])
s = socket.create_connection((host, 7), 20)
block = os.urandom(1 << 20)
h = hashlib.sha1()
def send():
    for _ in range(size // len(block)):
        s.sendall(block)
    s.shutdown(socket.SHUT_WR)
t = threading.Thread(target=send)
t.start()
got, want = hashlib.sha1(), hashlib.sha1()
for _ in range(size // len(block)):
    want.update(block)
n = 0
while d := s.recv(1 << 18):
    got.update(d)
    n += len(d)
t.join()
u = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(5)
u.connect((host, 7))
# libslirp puts no fragments of IPv6 together.
u.send(b"x" * (1000 if ":" in host else 3000))
print(n == size and got.digest() == want.digest(), len(u.recv(4000)))
"""

NAMES = """
import socket
print(socket.gethostbyname("hosts.test"))
try:
    socket.gethostbyname("nope.test")
except OSError as e:
    print(e.args[0] == socket.EAI_NONAME)
try:
    socket.create_connection(("198.18.0.9", 80), 10)
except OSError as e:
    print(type(e).__name__)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.connect(("198.18.0.9", 80))
u.settimeout(3)
try:
    u.send(b"x")
    u.recv(1)
except OSError as e:
    print(type(e).__name__, e.errno)
"""


def guest(*args, command):
    r = subprocess.run([TAPGUEST, *args, "--", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if r.returncode == 77:
        skip_all(r.stderr.strip())
    if r.returncode:
        print(f"# {r.stderr.strip()[-400:]}")
    return r.stdout.split()


world(serve, {"/etc/hosts": "127.0.0.1 localhost\n192.0.2.33 hosts.test\n", "/etc/resolv.conf": "nameserver 127.0.0.1\n",
              "/etc/nsswitch.conf": "hosts: files dns\n"})
for args in ([], ["--no-offload"], ["--mtu", "1500"], ["--mtu", "1500", "--no-offload"], ["--rate", "20M"]):
    for dst in (OUT4, OUT6):
        is_(guest(*args, command=["python3", "-c", CLIENT, dst, str(SIZE)]), ["True", "1000" if ":" in dst else "3000"],
            f"{SIZE >> 20} MB there and back, {dst}, {' '.join(args) or 'all defaults'}")
is_(guest("--egress", "hosts.test", command=["python3", "-c", NAMES]), ["192.0.2.33", "True", "ConnectionRefusedError", "OSError", "113"],
    "with rules: names of the host's hosts file, clear errors for everything else")
done()
