#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
# tags: slow
# Shared folders and disks of other formats that come and go while the guest runs: mounted by its agent, not taken
# while they are in use, there again after a reboot; back ends that end and that fail. A few times under load here,
# with RING3_TEST_FULL=1 a hundred times.
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

TIMES = 100 if os.environ.get("RING3_TEST_FULL") == "1" else 6


def ring3(*words):
    r = run(*words)
    return r.returncode, r.stdout.decode().strip(), r.stderr.decode().strip()


def guest(text):
    r = run("exec", "a", "--", "sh", "-c", text)
    return r.stdout.decode().strip() if not r.returncode else f"status {r.returncode}: {r.stdout.decode()}{r.stderr.decode()}"


def info():
    return next((g for line in run("ps", "--json").stdout.splitlines() if (g := json.loads(line))["name"] == "a"), None)


def devices():
    return {d["name"]: d for d in info()["devices"]}


def backends(program):
    """Pids of the guest's back ends of this name."""
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(info()["pid"])], stdout=subprocess.PIPE).stdout.decode()
    return [int(line.split()[0]) for line in out.splitlines() if line.split()[1].startswith(program[:15])]


def usage():
    """Descriptors of both processes, threads of the monitor's, processes; private memory in KiB."""
    g = info()
    fds = [len(os.listdir(f"/proc/{g[p]}/fd")) for p in ("pid", "monitor")]
    return (fds, len(os.listdir(f"/proc/{g['monitor']}/task")), len(backends("ring3-fs")) + len(backends("qemu-storage-daemon"))), \
        [rss(g[p]) for p in ("pid", "monitor")]


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def folder(name, **files):
    path = os.path.join(TMP, name)
    os.mkdir(path)
    for file, text in files.items():
        with open(os.path.join(path, file), "w") as f:
            f.write(text)
    return path


def refused(words, why, what):
    rc, out, err = ring3(*words)
    ok(rc == 1 and re.search(why, err) and "\n" not in err and not out, what, rc, out, err)


def attached(*words):
    rc, out, err = ring3("attach", "a", *words)
    if rc:
        ok(False, f"attach {' '.join(words)}", rc, out, err)
        return "", ""
    return tuple(out.split(maxsplit=1))


# ---- a shared folder ----
one, two, three = folder("one", file="of the host\n"), folder("two", file="2\n"), folder("three")
same(ring3("run", "-d", "--name", "a", "--mem", "256M", "--cpus", "2", "--share", f"{three}:/srv/three")[0], 0, "a guest in the background")
start = usage()[0]
name, place = attached("--share", f"{one}:/srv/one/")
same((name, place), ("share1", "/srv/one"), "a folder is attached, and mounted where it was said")
same(guest("cat /srv/one/file; echo guest > /srv/one/new; mkdir /srv/one/d; grep -c \" /srv/one virtiofs \" /proc/mounts"), "of the host\n1", "the guest reads and writes")
same(open(f"{one}/new").read(), "guest\n", "and that is on the host")
d = devices()["share1"]
same((d["kind"], d["state"], d["guest"], d["path"], d["readonly"]), ("share", "attached", "/srv/one", one, False), "ps --json knows it")
same(guest("cat /sys/class/bdi/$(mountpoint -d /srv/one)/read_ahead_kb"), "512", "its files are read ahead as those of a share from the start are")
same(attached("--share", f"{two}:ro"), ("share2", two), "a second one, without a path of its own")
ok("Read-only file system" in guest(f"echo x > {two}/file"), "is read-only in the guest")
guest(f"mount -o remount,rw {two}")
ok(guest(f"echo x > {two}/file").startswith("status") and open(f"{two}/file").read() == "2\n", "and the host makes it so, whatever the guest's mount says")

# What cannot be.
for words, why, what in (
        (f"{TMP}/nosuch:/srv/x", "there is no folder .*nosuch", "a folder that is missing"),
        (f"{one}/file:/srv/x", "file is not a folder", "a file"),
        (f"{two}:/srv/one", "share1 is at /srv/one", "a path where one that was attached is"),
        (f"{two}:/srv/three", "has a shared folder at /srv/three", "a path where one of the guest's start is"),
        (f"{two}:/proc", "something is mounted at /proc", "a path where the guest has mounted something"),
        (f"{two}:/etc/passwd", "/etc/passwd is not a directory", "a path that is a file there"),
        (f"{two}:/etc/passwd/x", "not a directory", "a path below a file"),
        (f"{two}:/", "root", "the guest's root")):
    rc, _, err = ring3("attach", "a", "--share", words)
    ok(rc in (1, 125) and re.search(why, err) and "\n" not in err, f"{what} is refused in one sentence", rc, err)
ok(wait_until(lambda: len(backends("ring3-fs")) == 3), "and leaves no server", backends("ring3-fs"))
same(sorted(devices()), ["share1", "share2"], "nor a device")

# In use.
guest("cd /srv/one && exec sleep 1000 > /dev/null 2>&1 &")
refused(("detach", "a", "share1"), "share1 is in use in the guest, at /srv/one", "one that a program is in is not taken")
same(guest("cat /srv/one/file"), "of the host", "and works as before")
same(devices()["share1"]["state"], "attached", "and is there as before")
guest("pkill -x sleep; unshare -m sleep 1001 > /dev/null 2>&1 & sleep 1")
refused(("detach", "a", "share1"), "share1 is in use in the guest", "nor one that is mounted in another mount namespace")
same(guest("cat /srv/one/file; grep -c virtiofs /proc/mounts"), "of the host\n3", "which is where it was")
guest("pkill -x sleep")
ok(wait_until(lambda: ring3("detach", "a", "share1") == (0, "", "")), "it goes when nobody uses it any more")
same(guest("ls /srv/one; grep -c /srv/one /proc/mounts"), "status 1: 0\n", "and is unmounted")
same(attached("--share", f"{one}:/srv/one"), ("share1", "/srv/one"), "it comes again")
guest("mkdir /srv/bind; mount --bind /srv/one /srv/bind")
same(ring3("detach", "a", "share1"), (0, "", ""), "one that is mounted at two places goes from both")
same(guest("grep -c virtiofs /proc/mounts"), "2", "and from no other")
attached("--share", f"{one}:/srv/one")
guest("mount -t tmpfs none /srv/one")
refused(("detach", "a", "share1"), "share1 is in use in the guest", "one that something else is mounted over stays, and what is over it")
same(guest("grep -c ' /srv/one ' /proc/mounts; umount /srv/one; cat /srv/one/file"), "2\nof the host", "both are there")
guest("umount /srv/one")
same(ring3("detach", "a", "share1"), (0, "", ""), "one that the guest has unmounted itself goes as well")
attached("--share", f"{one}:/srv/one")
guest("(exec 5> /srv/one/open; while :; do echo x >&5 || echo $? > /tmp/said; sleep 0.05; done) > /dev/null 2>&1 &")
same(ring3("detach", "a", "share1", "--force"), (0, "", ""), "by force also while a program writes to it")
ok(wait_until(lambda: "test" not in guest("cat /tmp/said || echo test")), "which gets errors", guest("cat /tmp/said"))
same(guest("ls /srv/one; echo lives"), "lives", "and the guest lives")
guest("pkill -f said")
same(attached("--share", f"{one}:/srv/one"), ("share1", "/srv/one"), "it comes once more")
same(guest("cat /srv/one/file"), "of the host", "and works")

# A server that dies: who asked it gets an error, and nobody waits for ever.
held = [pid for pid in backends("ring3-fs") if os.path.samefile(f"/proc/{pid}/root", one)] if os.geteuid() == 0 else []
held = held or backends("ring3-fs")[-1:]
os.kill(held[0], signal.SIGSTOP)
guest("(cat /srv/one/file; echo $? > /tmp/cat) > /dev/null 2>&1 & (ls -l /srv/one; echo $? > /tmp/ls) > /dev/null 2>&1 & sleep 0.5")
os.kill(held[0], signal.SIGKILL)
ok(wait_until(lambda: guest("cat /tmp/cat /tmp/ls").split() in (["1", "2"], ["1", "1"])), "when its server is killed, requests that it had taken fail",
   guest("cat /tmp/cat /tmp/ls"))
ok(guest("cat /srv/one/file").startswith("status 1"), "and later ones")
same(ring3("detach", "a", "share1"), (0, "", ""), "it is detached as ever")
same(attached("--share", f"{one}:/srv/one"), ("share1", "/srv/one"), "and attached")
same(guest("cat /srv/one/file"), "of the host", "with another server")

# ---- a qcow2 disk ----
HAVE_QEMU = shutil.which("qemu-img") and shutil.which("qemu-storage-daemon")


def image(name, size="64M", *more):
    path = os.path.join(TMP, name)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *more, path, size], check=True)
    return path


if not HAVE_QEMU:
    skip("disks of other formats", "host: no qemu-img or qemu-storage-daemon")
else:
    q = image("q.qcow2")
    name, dev = attached("--disk", q)
    ok(name == "disk0" and dev.startswith("vd"), "a qcow2 image is attached", name, dev)
    same(guest(f"cat /sys/block/{dev}/size; dd if=/dev/urandom of=/tmp/x bs=1M count=2 2> /dev/null; dd if=/tmp/x of=/dev/{dev} bs=1M seek=30 conv=fsync 2> /dev/null; "
               f"dd if=/dev/{dev} bs=1M skip=30 count=2 2> /dev/null | cmp - /tmp/x && echo same"), f"{64 << 11}\nsame", "the guest has it, writes and reads")
    same(len(backends("qemu-storage-daemon")), 1, "one process serves it")
    refused(("attach", "a", "--disk", q), "q.qcow2", "it cannot be attached a second time")
    guest(f"mkfs.ext4 -q /dev/{dev}; mkdir -p /m; mount /dev/{dev} /m; echo kept > /m/file")
    refused(("detach", "a", "disk0"), f"in use in the guest, as {dev}", "one that is mounted is not taken")
    guest("umount /m")
    same(ring3("detach", "a", "disk0"), (0, "", ""), "it goes when it is not mounted any more")
    same(len(backends("qemu-storage-daemon")), 0, "and nothing serves it then")
    same(subprocess.run(["qemu-img", "check", "-q", q]).returncode, 0, "the image is whole, and nobody else's")
    name, dev = attached("--disk", f"{q},ro")
    same(guest(f"cat /sys/block/{dev}/ro; mount -o ro /dev/{dev} /m; cat /m/file; umount /m"), "1\nkept", "read-only it has what was written")
    same(ring3("detach", "a", name)[0], 0, "and goes")
    broken = os.path.join(TMP, "broken.qcow2")
    with open(broken, "wb") as f:
        f.write(b"QFI\xfb" + bytes(65532))
    for words, why in ((broken, "broken.qcow2"), (q + ",format=nosuch", "nosuch"), (TMP + "/nosuch.qcow2", "nosuch")):
        rc, _, err = ring3("attach", "a", "--disk", words)
        ok(rc in (1, 125) and why in err and "\n" not in err, f"{os.path.basename(words)} is refused in one sentence", rc, err)
    name, dev = attached("--disk", q)
    guest(f"mount /dev/{dev} /m; (while :; do dd if=/dev/zero of=/m/load bs=64k count=100 conv=fsync || break; done; echo over > /tmp/over) > /dev/null 2>&1 &")
    os.kill(backends("qemu-storage-daemon")[0], signal.SIGKILL)
    ok(wait_until(lambda: guest("cat /tmp/over") == "over"), "when its process is killed the guest's writes fail")
    guest("umount -l /m")
    same(ring3("detach", "a", name, "--force"), (0, "", ""), "it is detached")
    name, dev = attached("--disk", q)
    same(guest(f"fsck.ext4 -fy /dev/{dev} > /dev/null 2>&1; mount /dev/{dev} /m; cat /m/file; umount /m"), "kept", "and attached, with what was written before")
    guest(f"mount /dev/{dev} /m; dd if=/dev/zero of=/m/load bs=64k count=200 2> /dev/null &")
    same(ring3("detach", "a", name, "--force")[0], 0, "by force also while it is mounted and written to")
    same(guest("cat /m/load > /dev/null 2>&1; umount -l /m; echo lives"), "lives", "and the guest lives")

# ---- again and again, while others are read and CPUs are busy ----
guest("(while :; do dd if=/dev/vda of=/dev/null bs=1M count=64 iflag=direct; done) > /dev/null 2>&1 & (while :; do :; done) > /dev/null 2>&1 & "
      "(while :; do find /srv/three /usr/share -name x; done) > /dev/null 2>&1 &")
bad, base = [], usage()


def patiently(*words):
    """A monitor that a busy host gives no time for three seconds is asked again."""
    for _ in range(10):
        r = ring3(*words)
        if "does not answer" not in r[2]:
            break
    return r


for i in range(TIMES):
    if i == TIMES // 3:
        base = usage()
    words = [("--share", f"{two}:/srv/load")]
    if HAVE_QEMU:
        words.append(("--disk", q))
    names = []
    for w in words:
        r = patiently("attach", "a", *w)
        if r[0]:
            bad.append((i, w, r))
            break
        names.append(r[1].split())
    else:
        if guest("cat /srv/load/file") != "2":
            bad.append((i, "read"))
        if HAVE_QEMU and guest(f"dd if=/dev/{names[1][1]} of=/dev/null bs=64k count=16 2> /dev/null && echo yes") != "yes":
            bad.append((i, "read the disk"))
    for n in names:
        r = patiently("detach", "a", n[0])
        if r[0]:
            bad.append((i, n, r))
    if bad:
        break
same(bad, [], f"{TIMES} times under load: attached, used, detached")
now = usage()
# Whoever asked last may still be connected.
ok(wait_until(lambda: usage()[0] == base[0]), "no descriptor, thread or process is left", base[0], usage()[0])
ok(all(n - b < 256 + 4 * TIMES for n, b in zip(now[1], base[1])), "no memory is, neither in the monitor nor in ring3 run (KiB)", base[1], now[1])

# ---- as many as there are ----
more = [folder(f"m{i}") for i in range(8)]
names = [attached("--share", f"{p}:/srv/{os.path.basename(p)}")[0] for p in more[:6]]
refused(("attach", "a", "--share", more[6]), "cannot have more", "a ninth device is refused in one sentence")
same(guest("grep -c virtiofs /proc/mounts"), "9", "all are mounted")
for n in names:
    ring3("detach", "a", n)
same(sorted(devices()), ["share1", "share2"], "and go")

# ---- the guest stands still, starts anew, ends ----
ring3("pause", "a")
refused(("attach", "a", "--share", f"{three}:/srv/x"), "ring3 resume", "a paused guest is told of")
refused(("detach", "a", "share1"), "ring3 resume", "also when one is to go")
ring3("resume", "a")
if HAVE_QEMU:
    attached("--disk", q)
events = subprocess.Popen([RING3, "events", "a"], stdout=subprocess.PIPE)
guest("reboot -f 2> /dev/null || (sync; echo b > /proc/sysrq-trigger)")
ok(any(json.loads(line)["event"] == "ready" for line in events.stdout), "the guest reboots")
events.kill()
want = {"share1": "/srv/one", "share2": two}
ok(wait_until(lambda: {n: d.get("guest") for n, d in devices().items() if n in want and d["state"] == "attached"} == want, 30), "the folders are there again", devices())
same(guest(f"cat /srv/one/file {two}/file"), "of the host\n2", "and in the guest")
if HAVE_QEMU:
    ok(wait_until(lambda: devices()["disk0"]["state"] == "attached"), "so is the disk", devices())
    dev = guest(f"grep -lx {64 << 11} /sys/block/vd*/size").split("/")[3]
    same(guest(f"mount /dev/{dev} /mnt; cat /mnt/file; umount /mnt"), "kept", "with what is on it")
    same(ring3("detach", "a", "disk0")[0], 0, "and goes")
same(ring3("detach", "a", "share1")[0], 0, "a folder goes")
left = backends("ring3-fs")
same(len(left), 2, "two servers are left")
same(ring3("stop", "a")[0], 0, "it stops")
ok(wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left)), "and no server is left")
done()
