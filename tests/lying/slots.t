#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# Devices that come and go, with a driver that lies about them (slots.c): who asked is told in one
# sentence in time, no slot but its own is lost, nothing of the monitor's leaks, the guest goes on.
# The same with disks that another process serves, which ends with them.
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

RING3, BUILD = os.environ["RING3"], os.environ["BUILD"]
os.environ.pop("RING3_MODULES", None)
SLOTS = 8


def ring3(*words):
    r = subprocess.run([RING3, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return r.returncode, r.stdout.decode(errors="replace").strip(), r.stderr.decode(errors="replace").strip()


def disk(name, size=1 << 20):
    path = os.path.join(TMP, name)
    with open(path, "wb") as f:
        f.truncate(size)
    return path


def image(name):
    path = os.path.join(TMP, name + ".qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)
    return path


class Guest:
    def __init__(self, word, how=None):
        """word: as slots.c has it; how: the guest's name."""
        self.how = how = how or word
        self.log = open(os.path.join(TMP, how), "w+b")
        self.proc = subprocess.Popen([RING3, "run", "--name", how, "--kernel", os.path.join(BUILD, "tests/lying/slots"), "--init", "/none",
                                      "--early-console", "--mem", "64M", "--timeout", "100", "--root", disk(how + ".root"), "--append", "how=" + word],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)

    def lives(self):
        n = self.alive()
        return wait_until(lambda: self.alive() > n, 15)

    def alive(self):
        with open(self.log.name, "rb") as f:
            return f.read().count(b"alive")

    def info(self):
        for line in ring3("ps", "--json")[1].splitlines():
            if (g := json.loads(line))["name"] == self.how:
                return g

    def files(self):
        g = self.info()
        return [len(os.listdir(f"/proc/{g[p]}/fd")) for p in ("pid", "monitor")]

    def attach(self, name, *more):
        return ring3("attach", self.how, "--disk", disk(name), "--timeout", "2", *more)

    def attach_image(self, name):
        return ring3("attach", self.how, "--disk", image(f"{self.how}-{name}"), "--timeout", "2")

    def servers(self):
        """Processes that serve its disks."""
        out = subprocess.run(["ps", "-o", "comm=", "--ppid", str(self.info()["pid"])], stdout=subprocess.PIPE).stdout.decode()
        return out.count("qemu-storage")

    def detach(self, name, *more):
        return ring3("detach", self.how, name, "--timeout", "2", *more)

    def end(self):
        ok(self.lives(), f"{self.how}: the guest goes on")
        same(ring3("stop", self.how)[0], 0, f"{self.how}: it is stopped as ever")
        self.proc.wait(20)


guests = {how: Guest(how) for how in ("honest", "ignores", "stays", "busy", "early", "names", "scribbles", "keeps")}
for g in guests.values():
    if not g.lives():
        g.log.seek(0)
        ok(False, f"{g.how}: starts", g.log.read())
before = {how: g.files() for how, g in guests.items()}

g = guests["honest"]
for i in range(20):
    r = g.attach("h"), g.detach("disk0")
    if r != ((0, "disk0 vdx", ""), (0, "", "")):
        break
same(r, ((0, "disk0 vdx", ""), (0, "", "")), "honest: a disk comes and goes 20 times")
same([g.attach(f"h{i}")[1] for i in range(SLOTS)], [f"disk{i} vdx" for i in range(SLOTS)], "as many as there are slots")
rc, _, err = g.attach("h8")
ok(rc == 1 and "cannot have more" in err and "ring3 detach" in err, "and one more is refused with the way out", rc, err)
rc, _, err = ring3("attach", "honest", "--disk", os.path.join(TMP, "h0"))
same([g.detach(f"disk{i}")[0] for i in range(SLOTS)], [0] * SLOTS, "all of them go again")
rc, _, err = g.detach("disk0")
ok(rc == 1 and "no device disk0" in err, "and are unknown then", rc, err)
g.attach("h")
rc, _, err = g.attach("h")
ok(rc == 1 and "in use by another guest" in err, "an image that is attached is locked", rc, err)
g.detach("disk0")
same(g.attach("h")[0], 0, "and not any more when it was detached")
g.detach("disk0")
for words, want in ((["--disk", "/no/such"], "does not exist"), (["--disk", TMP], "is a directory"), (["--disk", "x.qcow2"], "does not exist"), (["--share", TMP], "is not ready: its agent"), (["--share", TMP + ":x"], "absolute path"),
                    (["--disk", "h,serial="], "serial"), ([], "attach what?")):
    rc, _, err = ring3("attach", "honest", *words)
    ok(rc in (1, 125) and want in err and err.count("\n") == 0, f"attach {' '.join(words)}: {want}", rc, err)
rc, _, err = ring3("detach", "honest", "root")
ok(rc == 1 and "no device root" in err, "the root disk cannot be taken", rc, err)

g = guests["ignores"]
begun = time.monotonic()
rc, _, err = g.attach("i")
ok(rc == 1 and "has not taken the device in time, and it is withdrawn" in err and time.monotonic() - begun < 10, "ignores: told in time", rc, err)
same([g.attach(f"i{i}")[0] for i in range(2)], [1, 1], "the next is another slot")
states = [d["state"] for d in g.info()["devices"]]
same(states, ["detaching"] * 3, "what the guest never answers for keeps its slot")

g = guests["stays"]
same(g.attach("s")[:2], (0, "disk0"), "stays: taken, without a name")
rc, _, err = g.detach("disk0")
ok(rc == 1 and "has not let disk0 go in time" in err, "stays: told in time", rc, err)
rc, _, err = g.detach("disk0", "--force")
ok(rc == 1 and "has not let disk0 go in time" in err, "stays: force does not help either", rc, err)
same(g.attach("s2")[0], 0, "stays: another slot is free")

g = guests["busy"]
same(g.attach("b")[0], 0, "busy: taken")
rc, _, err = g.detach("disk0")
ok(rc == 1 and "disk0 is in use in the guest" in err and "--force" in err, "busy: told at once", rc, err)
same([d["state"] for d in g.info()["devices"]], ["attached"], "busy: it is attached as before")
rc, _, err = g.detach("disk0", "--force")
ok(rc == 1 and "in time" in err, "busy: forced, which it does not accept", rc, err)

g = guests["early"]
rcs = [(g.attach("e")[0], g.detach("disk0")[0]) for _ in range(5)]
ok(all(rc in (0, 1) for pair in rcs for rc in pair), "early: each has an end", rcs)

g = guests["names"]
same(g.attach("n"), (0, "disk0", ""), "names: one that would harm a terminal is none")
same(g.detach("disk0")[0], 0, "names: it goes as ever")

g = guests["scribbles"]
rcs = [g.attach(f"c{i}") for i in range(3)]
ok(all(rc in (0, 1) for rc, _, _ in rcs), "scribbles: each has an end", rcs)

g = guests["keeps"]
bad = []
for i in range(10):
    r = g.attach("k"), g.detach("disk0")
    if [x[0] for x in r] != [0, 0]:
        bad.append(r)
same(bad, [], "keeps: a driver that goes on with a queue after it let the device go")

after = {how: guests[how].files() for how in ("honest", "names", "keeps")}
same(after, {how: before[how] for how in after}, "no descriptor is left in either process")
guests["honest"].attach("h")
devices = [(d["name"], d["kind"]) for d in json.loads(ring3("stats", "--json", "honest")[1])["devices"]]
same(devices, [("console", "console"), ("rng", "rng"), ("root", "blk"), ("net0", "net"), ("balloon", "balloon"), ("disk0", "blk")], "statistics have the devices that are there, by name")
for g in guests.values():
    g.end()

# ---- disks that another process serves ----
if not shutil.which("qemu-img") or not shutil.which("qemu-storage-daemon"):
    skip("disks that another process serves", "host: no qemu-img or qemu-storage-daemon")
    done()
guests = {how: Guest(how, "v-" + how) for how in ("honest", "ignores", "stays", "early", "scribbles", "keeps")}
for g in guests.values():
    if not g.lives():
        g.log.seek(0)
        ok(False, f"{g.how}: starts", g.log.read())
before = {how: g.files() for how, g in guests.items()}

for how in ("honest", "keeps"):
    g, bad = guests[how], []
    for i in range(5):
        r = g.attach_image("h"), g.detach("disk0")
        bad += [r] if [x[0] for x in r] != [0, 0] else []
    same((bad, g.servers(), g.files()), ([], 0, before[how]), f"{g.how}: a disk comes and goes, its server with it, and leaves no descriptor")
g = guests["honest"]
same([g.attach_image(f"h{i}")[1] for i in range(SLOTS)], [f"disk{i} vdx" for i in range(SLOTS)], f"{g.how}: as many as there are slots")
same([g.detach(f"disk{i}")[0] for i in range(SLOTS)], [0] * SLOTS, f"{g.how}: all of them go again")
same((g.servers(), g.files()), (0, before["honest"]), f"{g.how}: and all servers")

g = guests["ignores"]
rc, _, err = g.attach_image("i")
ok(rc == 1 and "has not taken the device in time, and it is withdrawn" in err, f"{g.how}: told in time", rc, err)
same((g.servers(), [d["state"] for d in g.info()["devices"]]), (1, ["detaching"]), f"{g.how}: what it never answers for keeps its server, and its slot")
same(g.attach_image("i1")[0], 1, f"{g.how}: the next is another slot")
g = guests["stays"]
same(g.attach_image("s")[:2], (0, "disk0"), f"{g.how}: taken, without a name")
rc, _, err = g.detach("disk0", "--force")
ok(rc == 1 and "has not let disk0 go in time" in err, f"{g.how}: told in time, with force", rc, err)
for how in ("early", "scribbles"):
    g = guests[how]
    rcs = [(g.attach_image(f"e{i}")[0], g.detach(f"disk{i}", "--force")[0]) for i in range(3)]
    ok(all(rc in (0, 1) for pair in rcs for rc in pair), f"{g.how}: each has an end", rcs)
for g in guests.values():
    g.end()
left = subprocess.run(["ps", "-eo", "ppid=,args="], stdout=subprocess.PIPE).stdout.decode()
same([line for line in left.splitlines() if "qemu-storage" in line and TMP in line], [], "with the guests all servers have ended")
done()
