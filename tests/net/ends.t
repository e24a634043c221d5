#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
# What is behind a card comes and goes: back ends that die, guests that reboot,
# tap devices, passt, sockets of others.
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import *

world = World()
CARRIER = "cat /sys/class/net/eth0/carrier"
# The monitor and ring3 run see an end each by itself.
LOST = "for i in $(seq 100); do [ $(cat /sys/class/net/eth0/carrier) = 0 ] && break; sleep 0.05; done; cat /sys/class/net/eth0/carrier"


def backend(g, name="ring3-net"):
    return wait_until(lambda: next((p for p in children(g.proc.pid) if comm(p) == name), None))


# ---- the back end dies ----

for sig, how in ((signal.SIGKILL, "killed by signal 9"), (signal.SIGSEGV, "killed by signal 11")):
    g = Guest("--name", "orphan", "-p", "8080:80", "--", "sh", "-c", f"{CARRIER}; echo up; read x; {LOST}; ip -br link show eth0; echo on; read x; echo bye")
    g.expect("up\n")
    pid = backend(g)
    before = network(g, "orphan")[0]
    os.kill(pid, sig)
    ok(g.expect("link is down"), f"a back end that was {how}: ring3 run says so", g.text)
    g.type("\n")
    ok(g.expect("on\n"), "the guest goes on", g.text)
    text = g.text.decode()
    ok(how in text and "ring3-net" in text and "network card 0" in text and text.count("ring3: ") == 1, "in one sentence: which, how, and what that means", text)
    ok(re.search(r"(?m)^1$[\s\S]*^0$", text) and "NO-CARRIER" in text, "the guest saw its link go down", text)
    after = network(g, "orphan")[0]
    ok((before["link"], after["link"]) == ("up", "down") and "publish" in before and "publish" not in after, "ring3 ps --json says the same", before, after)
    g.type("\n")
    same(g.wait(), 0, "and the guest ends by itself")

g = Guest("--", "sh", "-c", "echo up; sleep 60")
g.expect("up\n")
pid = backend(g)
when = births([pid])
g.proc.kill()
ok(wait_until(lambda: not alive(when)), "a back end ends with its ring3 run, however that ends")
g.close()

# ---- reboot ----

g = Guest("--name", "again", "-p", "8080:80", "--init", "/bin/sh")
g.type("echo one; ping -c1 -W2 10.0.2.2 >/dev/null && echo pinged-$((1 + 1)); cat /sys/class/net/eth0/address\n")
ok(g.expect("pinged-2"), "an init finds its network set up", g.text)
pid = backend(g)
mac = wait_until(lambda: (re.findall(rb"(?m)^([0-9a-f]{2}(?::[0-9a-f]{2}){5})", g.text) or [None])[-1])
monitor = next(p for p in children(g.proc.pid) if comm(p) == "ring3-monitor")
g.text = b""
g.type("mount -t proc p /proc; echo 1 > /proc/sys/kernel/sysrq; echo b > /proc/sysrq-trigger\n")
ok(wait_until(lambda: monitor not in children(g.proc.pid), 30), "the guest reboots", g.text)
g.text = b""
time.sleep(1)
g.type("\n\nping -c1 -W2 10.0.2.2 >/dev/null && echo pinged-$((2 + 1)); cat /sys/class/net/eth0/address\n")
ok(g.expect("pinged-3") and backend(g) == pid, "and goes on with the same back end", g.text)
ok(wait_until(lambda: mac and mac in g.text), "and the same card", mac, g.text)
g.close()

# ---- tap ----

if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
    skip("tap devices", "host: /dev/net/tun cannot be opened")
else:
    call("ip", "tuntap", "add", "tap7", "mode", "tap")
    call("ip", "addr", "add", "10.7.7.1/24", "dev", "tap7")
    g = Guest("--net", "tap:tap7,ip=10.7.7.2/24", "--", "sh", "-c", "ping -c1 -W2 10.7.7.1 >/dev/null && echo pinged; echo up; read x; ip -o link show eth0")
    ok(g.expect("up\n") and b"pinged" in g.text, "a tap device that is there is used, and switched on", g.text)
    r = guest("--net", "tap:tap7", "--", "true")
    ok(r.returncode == 125 and b"tap7" in r.stderr and b"in use" in r.stderr, "one in use is refused", r)
    data = os.urandom(3 << 20)
    server = socket.socket()
    server.bind(("10.7.7.1", 0))
    server.listen(1)
    g.type("\n")
    ok(g.wait() == 0 and b"mtu 1500" in g.text, "the card has the device's MTU", g.text)
    g = Guest("--net", "tap:tap7,ip=10.7.7.2/24", "--", "python3", "-c",
              f"import socket; s = socket.create_connection(('10.7.7.1', {server.getsockname()[1]})); n = 0\n"
              "while d := s.recv(65536): n += len(d); s.sendall(d)\ns.shutdown(1)\ninput()")
    c = server.accept()[0]
    c.settimeout(20)
    got = b""
    sender = threading.Thread(target=lambda: (c.sendall(data), c.shutdown(socket.SHUT_WR)))
    sender.start()
    while more := c.recv(1 << 16):
        got += more
    sender.join()
    # The last of it is on its way when a guest that ends takes it along.
    g.type("\n")
    ok(got == data and g.wait() == 0, "3 MiB there and back are the same", len(got), g.text)
    r = guest("--net", "tap:tap8,ip=10.7.8.2/24", *sh("ip -br link show eth0"))
    ok(r.returncode == 0 and b"UP" in r.stdout and not os.path.exists("/sys/class/net/tap8"), "who may make a device gets one, for as long as the guest lives", r)
    r = guest("--net", "tap:out0", "--", "true")
    ok(r.returncode == 125 and r.stderr.count(b"ring3: ") == 1 and b"out0" in r.stderr, "a device that is no tap is refused", r)

# ---- QEMU's stream protocol ----

path = os.path.join(TMP, "s")
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(1)
g = Guest("--net", f"socket:{path},ip=10.7.9.2/24", "--", "sh", "-c", f"echo up; read x; ping -c1 -W5 10.7.9.1 >/dev/null && echo pinged; read x; {LOST}; echo bye")
peer = server.accept()[0]
peer.settimeout(10)


def read_exactly(n):
    data = b""
    while len(data) < n and (more := peer.recv(n - len(data))):
        data += more
    return data


def answer():
    """A host at the other end that knows ARP and ping, 10.7.9.1."""
    own, to = bytes.fromhex("020000000901"), socket.inet_aton("10.7.9.1")
    while True:
        frame = read_exactly(struct.unpack("!I", read_exactly(4))[0])
        if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == to:
            reply = frame[6:12] + own + frame[12:20] + b"\0\2" + own + to + frame[22:32]
        elif frame[12:14] == b"\x08\0" and frame[23] == 1 and frame[34] == 8:
            head = bytearray(frame[14:])
            head[12:20] = head[16:20] + head[12:16]
            head[20] = 0
            check = struct.unpack("!H", bytes(head[22:24]))[0] + 0x800
            head[22:24] = struct.pack("!H", (check & 0xffff) + (check >> 16))
            reply = frame[6:12] + own + frame[12:14] + bytes(head)
        else:
            continue
        peer.sendall(struct.pack("!I", len(reply)) + reply)
        if reply[12:14] == b"\x08\0":
            return


g.expect("up\n")
g.type("\n")
try:
    answer()
except OSError as e:
    g.text += repr(e).encode()
ok(g.expect("pinged"), "socket: frames travel both ways", g.text)
peer.close()
ok(g.expect("link is down"), "when the other side closes ring3 run says so", g.text)
g.type("\n")
ok(g.expect("bye") and re.search(rb"(?m)^0$", g.text), "and the guest sees it", g.text)
same(g.wait(), 0, "and goes on")

# ---- passt ----

def listens(where):
    """Whether somebody listens on that UNIX socket, which is after it was bound."""
    with open("/proc/net/unix") as f:
        return any(l.split()[3] == "00010000" for l in f if l.rstrip().endswith(" " + where))


if not shutil.which("passt"):
    skip("passt", "the package passt is missing")
else:
    out, err, status = guest_sh(f"curl -s -m 8 http://{OUT4}/ && echo reached; cat /etc/resolv.conf", "--net", "passt")
    ok("reached" in out and "nameserver 10.0.2.3" in out, "passt as a back end: TCP goes out", out, err)
    g = Guest("--net", "passt", "-p", "8090:80", "--", "sh", "-c", "echo up; python3 -c 'import socket; s = socket.socket(); s.bind((\"\", 80)); s.listen(1); print(\"listens\", flush=True); "
              "c = s.accept()[0]; c.sendall(b\"guest\")\nwhile c.recv(64): pass'")
    g.expect("listens")
    same(exchange(socket.SOCK_STREAM, (HOST4, 8090)), b"guest", "and what is published comes in")
    g.close()
    p = subprocess.Popen(["passt", "-f", "-1", "-s", path + "2", "-a", "10.0.2.15", "-n", "24", "-g", "10.0.2.2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: listens(path + "2"))
    out, err, status = guest_sh(f"curl -s -m 8 http://{OUT4}/ && echo reached", "--net", f"passt:{path}2,ip=10.0.2.15/24,gw=10.0.2.2")
    ok("reached" in out, "and one that somebody else started", out, err)
    p.kill()
    p.wait()
world.close()
# ---- the jail that was asked for is the back end's too ----

for mode in "require", "off":
    g = Guest("--jail", mode, "--net", "nat", *sh("echo up; read x"))
    if g.expect("up"):
        nat = [open(f"/proc/{pid}/cmdline").read().split("\0") for pid in children(g.proc.pid) if comm(pid) == "ring3-net"]
        ok(len(nat) == 1 and nat[0][nat[0].index("--jail") + 1] == mode, f"--jail {mode} is the back end's as well", nat)
        g.type("\n")
        g.wait()
    elif mode == "require":
        skip("--jail require is the back end's as well", "host: it refuses walls of the jail")
    g.close()
done()
