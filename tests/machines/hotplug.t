#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# Disks that come and go while the guest runs: found, written and read by it, kept over a reboot, not taken while
# they are in use; and a hundred times under load, which leaves nothing.
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *


def ring3(*words):
    r = run(*words)
    return r.returncode, r.stdout.decode().strip(), r.stderr.decode().strip()


def guest(text):
    r = run("exec", "a", "--", "sh", "-c", text)
    return r.stdout.decode().strip() if not r.returncode else f"status {r.returncode}: {r.stderr.decode()}"


def info():
    return next((g for line in run("ps", "--json").stdout.splitlines() if (g := json.loads(line))["name"] == "a"), None)


def usage():
    """Descriptors of both processes, threads and processes of the monitor's, private memory in KiB."""
    g = info()
    fds = [len(os.listdir(f"/proc/{g[p]}/fd")) for p in ("pid", "monitor")]
    return fds, len(os.listdir(f"/proc/{g['monitor']}/task")), [rss(g[p]) for p in ("pid", "monitor")]


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def limit():
    with open(f"/proc/{info()['monitor']}/limits") as f:
        return next(line.split()[3] for line in f if line.startswith("Max file size"))


def disk(name, size):
    path = os.path.join(TMP, name)
    with open(path, "wb") as f:
        f.truncate(size)
    return path


big, small = disk("big", 12 << 30), disk("small", 16 << 20)
same(ring3("run", "-d", "--name", "a", "--mem", "256M", "--cpus", "2")[0], 0, "a guest in the background")
before = limit()
rc, out, err = ring3("attach", "a", "--disk", big)
name, dev = (out.split() + ["", ""])[:2]
ok(rc == 0 and name == "disk0" and dev.startswith("vd"), "a disk is attached", rc, out, err)
same(guest(f"cat /sys/block/{dev}/size /sys/block/{dev}/serial"), f"{(12 << 30) // 512}\ndisk0", "the guest has it, with its size and serial")
same(guest(f"dd if=/dev/urandom of=/tmp/x bs=1M count=2 2> /dev/null; dd if=/tmp/x of=/dev/{dev} bs=1M seek=3000 conv=fsync 2> /dev/null; "
           f"dd if=/dev/{dev} bs=1M skip=3000 count=2 2> /dev/null | cmp - /tmp/x && echo same"), "same", "it writes and reads, far behind the ends of its other disks")
with open(big, "rb") as f:
    f.seek(3000 << 20)
    ok(any(f.read(1 << 20)), "and that is in the file")
same(limit(), str(12 << 30), f"its monitor's files may be as large as that (before: {before})")
same([(d["name"], d["state"], d["guest"], d["path"]) for d in info()["devices"]], [("disk0", "attached", dev, big)], "ps --json knows it")
stats = [d for d in json.loads(run("stats", "--json", "a").stdout)["devices"] if d.get("name") == "disk0"]
ok(len(stats) == 1 and stats[0]["out_bytes"] >= 2 << 20, "and so do its statistics", stats)
same(ring3("attach", "a", "--disk", small + ",ro,serial=other")[0], 0, "a second one, to be read")
second = info()["devices"][1]
same(guest(f"cat /sys/block/{second['guest']}/ro /sys/block/{second['guest']}/serial"), "1\nother", "is read-only there")

# In use.
guest(f"mkfs.ext4 -q /dev/{dev} 100m; mkdir -p /m; mount /dev/{dev} /m; echo kept > /m/file")
rc, out, err = ring3("detach", "a", "disk0")
ok(rc == 1 and f"in use in the guest, as {dev}" in err, "one that is mounted is not taken", rc, err)
same(guest("echo more >> /m/file; cat /m/file"), "kept\nmore", "and works as before")
guest("umount /m")
same(ring3("detach", "a", "disk0"), (0, "", ""), "it goes when it is not mounted any more")
same(guest(f"test -e /dev/{dev} || echo gone"), "gone", "the guest has it no longer")
same(limit(), before, "its monitor's files may be as large as before")
same(ring3("attach", "a", "--disk", big)[0], 0, "it comes again")
dev = info()["devices"][0]["guest"]
guest(f"mount /dev/{dev} /m; dd if=/dev/zero of=/m/load bs=64k count=200 2> /dev/null &")
same(ring3("detach", "a", "disk0", "--force")[0], 0, "by force also while it is mounted and written to")
same(guest("cat /m/load > /dev/null 2>&1; umount -l /m; echo lives"), "lives", "and the guest lives")
same(ring3("detach", "a", second["name"])[0], 0, "the second one goes")

# A hundred times, while others are read and CPUs are busy.
guest("(while :; do dd if=/dev/vda of=/dev/null bs=1M count=64 iflag=direct; done) > /dev/null 2>&1 & (while :; do :; done) &")
paths = [disk(f"d{i}", 8 << 20) for i in range(4)]
bad, base = [], None
for i in range(100):
    if i == 10:
        base = usage()
    r = ring3("attach", "a", "--disk", paths[i % 4])
    if r[0]:
        bad.append((i, r))
        break
    name, dev = r[1].split()
    if i % 10 == 0 and guest(f"dd if=/dev/zero of=/dev/{dev} bs=64k count=16 conv=fsync 2> /dev/null && echo yes") != "yes":
        bad.append((i, "write"))
    r = ring3("detach", "a", name)
    if r[0]:
        bad.append((i, r))
        break
same(bad, [], "a hundred times under load: attached, used, detached")
now = usage()
same(now[:2], base[:2], "no descriptor and no thread is left")
ok(all(n - b < 256 for n, b in zip(now[2], base[2])), "no memory is, neither in the monitor nor in ring3 run (KiB)", base[2], now[2])
same(guest("ls /sys/block | grep -c ^vd; ls -d /sys/devices/ring3/virtio* | wc -l"), guest("echo $(ls /sys/block | grep -c ^vd); ls -d /sys/devices/ring3/virtio* | wc -l"), "the guest counts what it had")

# A card of a switch, to a guest that has been on it from its start; and fifty times.
switch = ring3("net", "add", "lan")
if switch[0]:
    ok(False, "a switch", switch)
b = ring3("run", "-d", "--name", "b", "--mem", "128M", "--net", "switch:lan,ip=10.9.0.2/24")
r = ring3("attach", "a", "--net", "switch:lan,mac=02:00:00:00:00:77")
name, dev = (r[1].split() + ["", ""])[:2]
ok(b[0] == r[0] == 0 and name == "net1" and dev, "a card of a switch is attached", b, r)
same(guest(f"cat /sys/class/net/{dev}/address; ip addr add 10.9.0.1/24 dev {dev}; ip link set {dev} up; ping -c 2 -i 0.2 -w 20 10.9.0.2 > /dev/null && echo answers"),
     "02:00:00:00:00:77\nanswers", "the guest has it, and reaches another guest")
same(ring3("detach", "a", "net1")[0], 0, "it goes, up as it is")
same(guest(f"test -e /sys/class/net/{dev} || echo gone"), "gone", "the guest has it no longer")
for words, why in (("nat", "given to"), ("switch:nosuch", "nosuch"), ("switch:lan,ip=10.9.0.3/24", "set in the guest"), ("fd:3", "given to")):
    rc, _, err = ring3("attach", "a", "--net", words)
    ok(rc == 1 and why in err and "\n" not in err, f"--net {words} is refused in one sentence", rc, err)
base, bad = usage(), []
for i in range(50):
    r = ring3("attach", "a", "--net", "switch:lan")
    bad += [r] if r[0] else []
    r = ring3("detach", "a", r[1].split()[0] if r[1] else "net1")
    bad += [r] if r[0] else []
same(bad[:2], [], "fifty times: a card comes and goes under load")
same(usage()[:2], base[:2], "no descriptor and no thread is left")
ring3("stop", "b")
ring3("net", "rm", "lan")

# It comes back with a guest that reboots.
same(ring3("attach", "a", "--disk", small)[0], 0, "attached before a reboot")
events = subprocess.Popen([RING3, "events", "a"], stdout=subprocess.PIPE)
guest("reboot -f 2> /dev/null || (sync; echo b > /proc/sysrq-trigger)")
ok(any(json.loads(line)["event"] == "ready" for line in events.stdout), "the guest reboots")
events.kill()
ok(wait_until(lambda: [(d["name"], d["state"]) for d in info()["devices"]] == [("disk0", "attached")], 20), "the disk is there again", info()["devices"])
same(guest("cat /sys/block/*/serial | grep -c disk0"), "1", "and in the guest")
same(ring3("detach", "a", "disk0")[0], 0, "and goes")
ring3("pause", "a")
rc, _, err = ring3("attach", "a", "--disk", small)
ok(rc == 1 and "ring3 resume" in err, "a paused guest is told of", rc, err)
ring3("resume", "a")
same(ring3("stop", "a")[0], 0, "it stops")
done()
