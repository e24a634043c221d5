#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# Ways out of a switch: the NAT, and a tap device of a network namespace.
import signal

from switchlib import *


def arp(sender, target, me):
    sender.send(BROADCAST, struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, sender.mac, me, bytes(6), target), proto=0x0806)


def answers(sender, target, me, seconds=5):
    """Who says that it has the address."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        arp(sender, target, me)
        for m in sender.frames(5, 0.3):
            if m[12:14] == b"\x08\x06" and m[20:22] == b"\0\2" and m[28:32] == target:
                return m[22:28]
    return None


def processes(program):
    """Those that this test started, which is known by their environment."""
    mine = os.fsencode("XDG_RUNTIME_DIR=" + os.environ.get("XDG_RUNTIME_DIR", ""))
    found = []
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            if open(f"/proc/{p}/cmdline", "rb").read().split(b"\0")[0] == program.encode() and \
               mine in open(f"/proc/{p}/environ", "rb").read().split(b"\0"):
                found.append(int(p))
        except OSError:
            pass
    return found


def tap_side():
    """In a network namespace where we may make devices."""
    r = net("add", "tap", "--uplink", "tap:r3t0")
    if "cannot open /dev/net/tun" in r.stderr:
        return skip("a tap device", "host: no /dev/net/tun")
    if not ok(r.returncode == 0, "a switch with a tap device", r.stderr):
        return
    subprocess.run("ip addr add 10.9.0.1/24 dev r3t0 && ip link set r3t0 up", shell=True, check=True)
    a, b = Member("tap", "a", 1), Member("tap", "b", 2)
    gw = answers(a, bytes([10, 9, 0, 1]), bytes([10, 9, 0, 5]))
    ok(gw, "the host answers through it")
    while b.recv(0.1):
        pass
    a.send(gw, ipv4(17, struct.pack("!HHHH", 7, 7, 8, 0)), proto=0x0800)
    ok(not [f for f in b.frames(20, 0.3) if f[6:12] == a.mac], "and its address is learned: others do not get its frames")
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("10.9.0.1", 0))
    s.setblocking(False)
    try:
        s.connect(("10.9.0.5", 80))
    except BlockingIOError:
        pass
    syn = None
    end = time.monotonic() + 5
    while not syn and time.monotonic() < end:
        m = a.recv(0.5)
        if m and m[24:26] == b"\x08\x06" and m[32:34] == b"\0\1":
            a.send(m[18:24], struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, a.mac, bytes([10, 9, 0, 5]), m[18:24], m[40:44]), proto=0x0806)
        elif m and m[24:26] == b"\x08\0" and m[35] == 6:
            syn = m
    ok(syn and syn[0] & NEEDS_CSUM, "the host leaves checksums to the receiver", syn and syn[:12])
    same(net("ls", "tap").stdout.splitlines()[1].split()[:3], ["1", "r3t0", "(uplink)"], "ls shows it")
    r = net("add", "tap2", "--uplink", "tap:r3t0")
    ok("another program uses this device" in r.stderr, "a device is one switch's", r.stderr)
    same(os.path.exists(os.path.join(STATE, "tap2.sock")), False, "a switch that does not get its uplink is not made")
    same(net("rm", "tap").returncode, 0, "it ends")
    ok(wait_until(lambda: not os.path.exists("/sys/class/net/r3t0") or subprocess.run(["ip", "link", "show", "r3t0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode), "and its device with it")


r = net("add", "lan", "--uplink", "nat,egress=10.1.2.3")
if ok(r.returncode == 0, "a switch with a NAT", r.stderr):
    ok(processes("ring3-net"), "which is a process of its own")
    a = Member("lan", "a", 1)
    ok(answers(a, bytes([10, 0, 2, 2]), bytes([10, 0, 2, 77])), "its gateway answers")
    same(net("ls", "lan").stdout.splitlines()[1].split()[:3], ["1", "nat", "(uplink)"], "ls shows it")
    same(net("set", "lan", "nat", "loss=100%").returncode, 0, "its cable can be cut")
    ok(answers(a, bytes([10, 0, 2, 2]), bytes([10, 0, 2, 77]), 1) is None, "and is")
    for p in processes("ring3-net"):
        try:
            os.kill(p, signal.SIGKILL)
        except ProcessLookupError:
            pass
    ok(wait_until(lambda: len(ask("lan", {"op": "ls"})["ok"]["ports"]) == 1), "when the NAT is killed its port is gone, and the switch goes on")
    net("rm", "lan")
    r = net("add", "lan", "--uplink", "nat,vlan=10", "--uplink", "nat")
    same(r.returncode, 0, "a switch with two of them, one in a VLAN")
    same([w.split()[1:4:2] for w in net("ls", "lan").stdout.splitlines()[1:]], [["nat", "10"], ["nat:2", "1"]], "whose ports have names")
    net("rm", "lan")
    ok(wait_until(lambda: not processes("ring3-net")), "they end with their switch", processes("ring3-net"))
r = net("add", "lan", "--uplink", "nat,egress=no..name")
ok(r.returncode and r.stderr.count("\n") == 1 and not os.listdir(STATE), "a rule that is none: one sentence, no switch", r.stderr)
r = net("add", "lan", "--uplink", "nat,delya=1ms")
ok(r.returncode and "delya is not known" in r.stderr, "an option that is none", r.stderr)
sys.stdout.flush()

libc = __import__("ctypes").CDLL(None, use_errno=True)
uid, gid = os.getuid(), os.getgid()
if libc.unshare(0x10000000 | 0x40000000):
    skip("a tap device", "host: no user namespaces")
else:
    try:
        open("/proc/self/setgroups", "w").write("deny")
        open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
        open("/proc/self/gid_map", "w").write(f"0 {gid} 1")
        tap_side()
    except PermissionError:
        skip("a tap device", "host: no user namespaces")
done()
