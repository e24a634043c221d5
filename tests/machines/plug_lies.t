#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
# tags: slow
# Servers of shared folders that are attached while the guest runs, and that lie, fall silent or end: who asked is told
# in one sentence in time, the server does not outlive it, its slot is free again, the guest goes on.
import json
import os
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

BUILD = os.environ["BUILD"]
BIN, LIE = os.path.join(TMP, "bin"), os.path.join(TMP, "lie")

# In place of ring3-fs: it answers what is asked at a guest's start, up to where it lies.
SERVER = f"""#!{sys.executable}
import array, os, socket, struct, sys, time
lie = open({LIE!r}).read()
s = socket.socket(fileno=3)
if lie == "exits":
    sys.exit("no such luck")
if lie == "exits late":
    time.sleep(6)
    sys.exit("no such luck")
if lie == "floods":
    try:
        while True:
            s.sendall(bytes(65536))
    except OSError:
        time.sleep(1000)
if lie == "speaks first":
    s.sendall(struct.pack("=IIIQ", 1, 5, 8, 1 << 32))
while len(head := s.recv(12, socket.MSG_WAITALL)) == 12:
    request, flags, size = struct.unpack("III", head)
    s.recv(size, socket.MSG_WAITALL) if size else None
    if lie == "is silent":
        continue
    if lie == "closes":
        s.close()
        time.sleep(1000)
    if lie == "is too old":
        s.sendall(struct.pack("=IIIQ", request, 5, 8, 0))
    elif lie == "answers too much":
        s.sendall(struct.pack("=III", request, 5, 16) + bytes(16))
    elif lie == "announces 4 GiB":
        s.sendall(struct.pack("=III", request, 5, 0xffffffff))
    elif lie == "sends descriptors" and request == 1:
        s.sendmsg([struct.pack("=IIIQ", request, 5, 8, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 0, 0, 0]))])
    elif lie == "dies later" and request == 5:
        os.abort()
    elif request == 1:
        s.sendall(struct.pack("=IIIQ", request, 5, 8, 1 << 32))
"""

os.mkdir(BIN)
for program in ("net/nat/ring3-net", "net/switch/ring3-switch"):
    if os.path.exists(os.path.join(BUILD, program)):
        os.symlink(os.path.join(BUILD, program), os.path.join(BIN, os.path.basename(program)))
with open(os.path.join(BIN, "ring3-fs"), "w") as f:
    f.write(SERVER)
os.chmod(f.name, 0o755)
os.environ["RING3_BIN"] = BIN
folder = os.path.join(TMP, "folder")
os.mkdir(folder)


def info():
    return next((g for line in run("ps", "--json").stdout.splitlines() if (g := json.loads(line))["name"] == "a"), None)


def state():
    g = info()
    return len(os.listdir(f"/proc/{g['pid']}/fd")), len(os.listdir(f"/proc/{g['monitor']}/fd")), [d["name"] for d in g["devices"]]


def servers():
    pid = info()["pid"]
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [p for p in f.read().split() if comm(p).startswith(("ring3-fs", "python"))]


r = run("run", "-d", "--name", "a", "--net", "none", "--mem", "128M")
ok(r.returncode == 0, "a guest in the background", r.stderr)
before = state()
for lie, why in (("exits", "its back end ring3-fs ended with status 1: no such luck"), ("floods", "cannot be used: its back end"),
                 ("speaks first", ""), ("is silent", "has not taken the device in time, and it is withdrawn"),
                 ("exits late", "has not taken the device in time, and it is withdrawn"), ("closes", "cannot be used: its back end"),
                 ("is too old", "cannot be used: its back end"), ("answers too much", "cannot be used: its back end"),
                 ("announces 4 GiB", "cannot be used: its back end"), ("sends descriptors", "cannot be used: its back end")):
    with open(LIE, "w") as f:
        f.write(lie)
    begun = time.monotonic()
    r = run("attach", "a", "--share", folder + ":/srv/x", "--timeout", "3" if lie in ("is silent", "exits late") else "15")
    err = r.stderr.decode().strip()
    ok(r.returncode == 1 and why in err and "\n" not in err and time.monotonic() - begun < 40, f"a server that {lie}: one sentence in time", r.returncode, err)
    ok(wait_until(lambda: state() == before and not servers(), 30), f"a server that {lie}: nothing of it is left", before, state(), servers())
log = run("logs", "a").stderr.decode()
ok("does not know virtio 1.0" in log and "sent an answer of a wrong length" in log, "the log has what was wrong", log)
with open(LIE, "w") as f:
    f.write("dies later")
r = run("attach", "a", "--share", folder + ":/srv/x", "--timeout", "3")
ok(r.returncode in (0, 1) and r.stderr.count(b"\n") <= 1, "one that dies when the guest has it: one sentence at most, in time", r.returncode, r.stderr)
ok(wait_until(lambda: not servers()), "and it is gone")
same(run("exec", "a", "--", "echo", "lives").stdout, b"lives\n", "the guest goes on")
os.environ.pop("RING3_BIN", None)
same(run("stop", "a").returncode, 0, "and stops")
done()
