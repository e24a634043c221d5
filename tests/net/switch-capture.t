#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# Captures of a switch: tshark reads them without an error, and a reader that is
# slow or gone does not stop the switch.
import fcntl
import shutil
import tempfile

from switchlib import *

if not shutil.which("tshark"):
    skip_all("no tshark: install Debian's package tshark")

net("add", "lan")
a, b, c = Member("lan", "a", 1), Member("lan", "b", 2), Member("lan", "c", 3, vlan=1, trunk=[7])
v = Member("lan", "v", 4, vlan=7)
CHECKED = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]


def tshark(path, *args):
    r = subprocess.run(["tshark", "-n", "-r", path, *CHECKED, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    err = [e for e in r.stderr.splitlines() if "Running as user" not in e]
    return r.returncode, err, r.stdout.splitlines()


def fields(path, *names):
    args = [w for n in names for w in ("-e", n)]
    status, err, lines = tshark(path, "-T", "fields", *args)
    return status, err, [line.split("\t") for line in lines]


def capture(*words):
    f = tempfile.NamedTemporaryFile(suffix=".pcapng", dir=TMP)
    before = ask("lan", {"op": "ls"})["ok"]["captures"]
    p = subprocess.Popen([RING3, "net", "capture", "lan", *words, "-w", f.name], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: ask("lan", {"op": "ls"})["ok"]["captures"] > before or p.poll() is not None)
    return f, p


def end(f, p, frames):
    wait_until(lambda: len(tshark(f.name)[2]) >= frames, 20)
    p.terminate()
    p.wait()


# ---- one port, both directions ----
f, p = capture("b")
a.send(b.mac, b"to b")
b.recv()
b.send(a.mac, b"from b")
a.recv()
a.raw(tcp_gso(b.mac, a.mac, os.urandom(20000)))
a.raw(tcp_gso(b.mac, a.mac, os.urandom(20001), 1428, v6=True))
a.raw(udp_gso(b.mac, a.mac, os.urandom(20003)))
a.raw(header(NEEDS_CSUM, start=34, offset=6) + eth(b.mac, a.mac, ipv4(17, struct.pack("!HHHH", 50001, 50002, 8 + 3, pseudo4(17, 11)) + b"abc"), 0x0800))
while b.recv(0.2):
    pass
c.send(BROADCAST, b"to all")
a.send(c.mac, b"not b's")
end(f, p, 7)
status, err, lines = fields(f.name, "frame.interface_name", "frame.packet_flags_direction", "frame.len", "ip.checksum.status",
                            "tcp.checksum.status", "udp.checksum.status", "_ws.malformed")
same((status, err), (0, []), "tshark reads the capture of a port without an error")
same([x[0] for x in lines], ["lan/b"] * 7, "its interface has the names of switch and port")
same([int(x[1], 0) for x in lines], [2, 1, 2, 2, 2, 2, 2], "frames have their direction")
same([int(x[2]) for x in lines], [18, 20, 20054, 20075, 20045, 45, 20], "and are whole")
same([x[3:] for x in lines[2:6]], [["1", "1", "", ""], ["", "1", "", ""], ["1", "", "1", ""], ["1", "", "1", ""]], "with complete checksums")
status, err, lines = tshark(f.name, "-Y", "_ws.expert.severity >= error")
same((status, err, lines), (0, [], []), "and nothing in it is an error to tshark")
status, err, lines = fields(f.name, "frame.time_epoch")
ok(all(abs(float(x[0]) - time.time()) < 60 and len(x[0].split(".")[1]) == 9 for x in lines), "times are now's, in nanoseconds", lines[:2])
b.frames(9, 0.2)

# ---- all ports ----
f, p = capture()
a.send(BROADCAST, b"1")
b.recv()
late = Member("lan", "late", 9)
late.send(BROADCAST, b"2")
b.recv()
c.send(BROADCAST, b"tagged", tag=7)
v.recv()
v.send(c.mac, b"untagged")
end(f, p, 4)
status, err, lines = fields(f.name, "frame.interface_name", "frame.packet_flags_direction", "vlan.id")
same((status, err), (0, []), "tshark reads the capture of all ports")
same([(x[0], x[2]) for x in lines], [("lan/a", ""), ("lan/late", ""), ("lan/c", "7"), ("lan/v", "")],
     "which has each frame once, where it came in and as it was there, also of ports that came later")
late.close()

# ---- live ----
p = subprocess.Popen([RING3, "net", "capture", "lan", "-w", "-"], stdout=subprocess.PIPE)
t = subprocess.Popen(["tshark", "-n", "-l", "-i", "-", "-c", "1"], stdin=p.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
p.stdout.close()
for _ in range(100):
    a.send(b.mac, b"live")
    if select.select([t.stdout], [], [], 0.1)[0]:
        break
ok(mac_text(b.mac) in t.stdout.readline(), "a capture into tshark is live")
t.kill()
t.wait()
for _ in range(200):
    a.send(b.mac, b"x" * 1000)
    if p.poll() is not None:
        break
    time.sleep(0.01)
same(p.wait(5), 0, "and ends with its reader")
ok(wait_until(lambda: ask("lan", {"op": "ls"})["ok"]["captures"] == 0), "as do all captures whose reader is gone")
while b.recv(0.05):
    pass

# ---- a reader that does not read ----
r, w = os.pipe()
same(ask("lan", {"op": "capture"}, [w]), {"ok": {}}, "a capture that nobody reads")
os.close(w)
got = 0
for i in range(300):
    a.raw(tcp_gso(b.mac, a.mac, bytes(60000)))
    got += b.recv() is not None
same(got, 300, "stops no frame")
f = tempfile.NamedTemporaryFile(suffix=".pcapng", dir=TMP)
fcntl.fcntl(r, fcntl.F_SETFL, os.O_NONBLOCK)


def pump():
    try:
        while True:
            f.write(os.read(r, 1 << 16))
    except BlockingIOError:
        f.flush()


wait_until(lambda: pump() or False, 1)
a.send(b.mac, b"last")
time.sleep(0.1)
pump()
status, err, lines = fields(f.name, "frame.len")
same((status, err), (0, []), "what was kept is a valid capture")
ok(50 < len(lines) < 150 and lines[-1] == ["18"], "which goes on after the gap", len(lines))
blocks = open(f.name, "rb").read()
ok(struct.pack("<HHQ", 4, 8, 301 - len(lines)) in blocks, "and says how many frames are missing")
os.close(r)

# ---- what cannot be ----
x = tempfile.TemporaryFile()
same(ask("lan", {"op": "capture"}, [x.fileno()]), {"error": "a capture needs the descriptor of a pipe"}, "the switch writes to no file")
t = Terminal(RING3, "net", "capture", "lan")
ok(t.expect("no text for a terminal"), "nothing is written to a terminal")
t.wait()
t.close()
r = net("capture", "lan", "nobody", "-w", "/dev/null")
ok(r.returncode == 1 and "has no port nobody" in r.stderr, "a port that is not there", r.stderr)
r = net("capture", "lan", "-w", "/nowhere/x")
ok(r.returncode == 1 and "/nowhere/x" in r.stderr, "a file that cannot be written", r.stderr)
net("rm", "lan")
done()
