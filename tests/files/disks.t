#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# Disks of other formats than raw, as a user sees them: what is written is there in the
# next guest, roots and overlays of them, a back end that is killed, and what is refused.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fileslib import *

ROOT = os.environ["RING3_ROOT"]
FILL = "dd if=/dev/urandom of=/mnt/data bs=1M count=24 2>/dev/null; sha256sum < /mnt/data"

# ---- what is written stays ----

disk = path("a.qcow2")
r = image("create", disk, "200M")
ok(r.returncode == 0, "an image is made", r)
r = guest("--cpus", "3", "--disk", disk, *sh(f"ls /sys/block/vdc/mq | wc -l; cat /sys/block/vdc/size; mkfs.ext4 -q /dev/vdc; mount /dev/vdc /mnt; {FILL}; umount /mnt"))
lines = r.stdout.split("\n")
ok(r.returncode == 0 and lines[:2] == ["3", str(200 << 11)], "it has its size, and a queue for each CPU of the guest", r)
ok(clean(disk), "after the guest's end the image is in order")
again = guest("--disk", disk + ",ro", *sh("mount -o ro /dev/vdc /mnt; sha256sum < /mnt/data; dd if=/dev/zero of=/dev/vdc count=1"))
ok(again.stdout.strip() == lines[2] != "", "the next guest reads what was written", again, lines)
ok("Operation not permitted" in again.stderr or "Read-only" in again.stderr, "and cannot write to what is read-only", again)

formats = {"vmdk": "vmdk", "vdi": "vdi", "vhdx": "vhdx", "vhd": "vpc"}
options = []
for suffix, name in formats.items():
    qemu_img("create", "-q", "-f", name, path("f." + suffix), "64M")
    options += ["--disk", path("f." + suffix)]
r = guest(*options, *sh(f"for d in c d e f; do mkfs.ext4 -q /dev/vd$d; mount /dev/vd$d /mnt; {FILL}; umount /mnt; done".replace("24", "12")))
again = guest(*options, *sh("for d in c d e f; do mount /dev/vd$d /mnt; sha256sum < /mnt/data; umount /mnt; done"))
ok(len(set(r.stdout.split("\n"))) == 5 and r.stdout == again.stdout, "the same of " + ", ".join(formats), r, again)

# ---- roots ----

root = path("root.qcow2")
r = image("convert", ROOT, root)
ok(r.returncode == 0, "the root disk as qcow2", r)
r = guest("--root", root, *sh("echo 1 > /new; cat /new; ! grep ' / ' /proc/mounts | grep -q ro,"))
ok(r.returncode == 0 and r.stdout == "1\n", "a guest starts from it and may write", r)
ok(guest("--root", root, *sh("test ! -e /new")).returncode == 0, "nothing of which is kept")

for base, what in ((root, "qcow2"), (ROOT, "raw")):
    over = path(f"over-{what}.qcow2")
    r = guest("--root", base, "--root-overlay", over, *sh("echo kept > /new"))
    again = guest("--root", base, "--root-overlay", over, *sh("cat /new"))
    ok(again.stdout == "kept\n", f"an overlay over a {what} root keeps it", r, again)
ok(clean(path("over-raw.qcow2")), "and is in order")
p = start("--root", ROOT, "--root-overlay", path("over-raw.qcow2"), *sh("echo up; sleep 60"))
p.stdout.readline()
r = guest("--root", ROOT, *sh("echo together"))
ok(r.stdout == "together\n", "while its base is used by another guest", r)
r = guest("--root", ROOT, "--root-overlay", path("over-raw.qcow2"), *sh("true"))
ok(r.returncode == 125 and "is in use by another guest" in r.stderr and r.stderr.count("\n") == 1, "of which only one has the overlay", r)
p.kill()
p.communicate()

os.utime(root)
r = guest("--root", root, "--root-overlay", path("over-qcow2.qcow2"), *sh("cat /new"))
ok(r.returncode == 125 and "which was changed since" in r.stderr and r.stderr.count("\n") == 1, "an overlay whose base was changed is refused", r)
os.unlink(path("over-qcow2.qcow2.base"))
r = guest("--root", root, "--root-overlay", path("over-qcow2.qcow2"), *sh("cat /new"))
ok(r.stdout == "kept\n", "until the user knows better", r)

# ---- a reboot ----

disk = path("reboot.qcow2")
image("create", disk, "64M")
t = Terminal(RING3, "run", "--net", "none", "--timeout", "90", "--name", "again", "--disk", disk, "--init", "/bin/bash")
ok(wait_until(lambda: run("exec", "again", "--", "true").returncode == 0, 30), "a guest with a disk and an init", t.text)
r = run("exec", "again", "--", "sh", "-c", "printf first | dd of=/dev/vdc conv=fsync 2>/dev/null; echo b > /proc/sysrq-trigger")
ok(wait_until(lambda: run("exec", "again", "--", "head", "-c", "5", "/dev/vdc").stdout == "first" and
              run("exec", "again", "--", "sh", "-c", "test $(cut -d. -f1 /proc/uptime) -lt 20").returncode == 0, 30),
   "after a reboot it has the disk again, with what was written", run("exec", "again", "--", "head", "-c", "5", "/dev/vdc"), t.text)
run("stop", "--force", "again")
t.wait()
t.close()
ok(wait_until(lambda: clean(disk)), "and the image is in order")

# ---- a back end that is killed ----

disk = path("killed.qcow2")
image("create", disk, "1G")
p = start("--cpus", "2", "--disk", disk, *sh("echo up; dd if=/dev/zero of=/dev/vdc bs=64k oflag=direct; echo $?; dd if=/dev/vdc of=/dev/null bs=4k count=1; echo $?; echo on"))
p.stdout.readline()
time.sleep(0.3)
found = daemons(p.pid)
ok(len(found) == 1, "one process serves the disk", found)
with open(f"/proc/{found[0]}/status") as f:
    status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
same(status["NoNewPrivs"], "1", "it can gain no privileges")
same(int(status["CapBnd"], 16) & ~0x6 if os.getuid() == 0 else 0, 0, "root's rights are those to open files")
if os.getuid() == 0:
    ok(os.readlink(f"/proc/{found[0]}/ns/net") != os.readlink("/proc/self/ns/net"), "and it has no network of the host's")
else:
    skip("and it has no network of the host's", "host: only root may look")
os.kill(found[0], signal.SIGKILL)
out, err = p.communicate(timeout=60)
same(out, "1\n1\non\n", "its end: who writes and reads gets errors, and the guest goes on")
ok("Input/output error" in err, "I/O errors", err)
ok("qemu-storage-daemon was killed by signal 9" in err, "ring3 run says it", err)
ok(clean(disk), "the image is in order")

# One that answers nothing any more.
p = start("--timeout", "4", "--disk", disk, *sh("echo up; sleep 60"))
p.stdout.readline()
found = daemons(p.pid)
os.kill(found[0], signal.SIGSTOP)
began = time.monotonic()
p.communicate(timeout=60)
ok(p.returncode == 124 and time.monotonic() - began < 20, "one that is stopped does not delay --timeout", p.returncode, time.monotonic() - began)
ok(not os.path.exists(f"/proc/{found[0]}"), "and is ended")
p = start("--disk", disk, *sh("echo up; sleep 1"))
p.stdout.readline()
os.kill(daemons(p.pid)[0], signal.SIGSTOP)
began = time.monotonic()
p.send_signal(signal.SIGTERM)
time.sleep(0.2)
p.send_signal(signal.SIGTERM)
p.communicate(timeout=100)
ok(time.monotonic() - began < 30, "nor another end for long", p.returncode, time.monotonic() - began)

# ---- what is refused: one sentence, and nothing started ----

def refused(what, words, *args):
    r = guest(*args, *sh("true"))
    ok(r.returncode == 125 and r.stderr.count("\n") == 1 and all(w in r.stderr for w in words), what, r)


small = path("a.qcow2")
refused("an image that is missing", ["no.qcow2", "does not exist"], "--disk", path("no.qcow2"))
refused("a directory", ["is a directory"], "--disk", TMP + ",format=qcow2")
refused("a format that nobody knows", ["format=gif", "qcow2"], "--disk", small + ",format=gif")
refused("a key that nobody knows", ["only ro, format=, serial=, rate= or iops="], "--disk", small + ",fast")
refused("an image of another format", ["is not of format qcow2", "f.vdi"], "--disk", path("f.vdi") + ",format=qcow2")
shutil.copy(small, path("a.img"))
refused("qcow2 by a name that says raw", ["add format=qcow2"], "--disk", path("a.img"))
r = guest("--disk", path("a.img") + ",format=raw", *sh("head -c 3 /dev/vdc"))
ok(r.stdout == "QFI", "which format=raw makes raw", r)
refused("a serial where there is none", ["serial"], "--disk", small + ",serial=x")
refused("an overlay and a disk that is written to", ["exclude each other"], "--root-rw", "--root-overlay", path("x.qcow2"))
refused("an overlay that is none", ["is a disk of its own"], "--root-overlay", small)
refused("an overlay of another base", ["is an overlay of"], "--root", root, "--root-overlay", path("over-raw.qcow2"))
ok(not os.path.exists(path("x.qcow2")), "and nothing was made")

env = dict(os.environ, PATH="/nowhere")
r = run("run", "--net", "none", "--disk", small, *sh("true"), env=env)
ok(r.returncode == 125 and "qemu-utils" in r.stderr and r.stderr.count("\n") == 1, "a program that is missing is named with its package", r)

os.makedirs(path("bin"))
with open(path("bin/qemu-storage-daemon"), "w") as f:
    f.write("#!/bin/sh\necho 'qemu-storage-daemon: --blockdev {\"node-name\":\"f0\"}: it is a bad day' >&2\nexit 1\n")
os.chmod(path("bin/qemu-storage-daemon"), 0o755)
r = run("run", "--net", "none", "--disk", small, *sh("true"), env=dict(os.environ, PATH=path("bin") + ":" + os.environ["PATH"]))
ok(r.returncode == 125 and "qemu-storage-daemon ended with status 1: it is a bad day" in r.stderr and r.stderr.count("\n") <= 2,
   "one that fails is told with its last words", r)

# ---- limits ----

READ = """
import mmap, os, time
fd, m, t = os.open("/dev/vdc", os.O_RDONLY | os.O_DIRECT), mmap.mmap(-1, 65536), time.monotonic()
for i in range(%d):
    os.preadv(fd, [m], i * 65536)
print(time.monotonic() - t)
"""
with open(path("l.img"), "wb") as f:
    f.truncate(64 << 20)
qemu_img("create", "-q", "-f", "qcow2", path("l.qcow2"), "64M")
for name in ("l.img", "l.qcow2"):
    for key, reads, what in (("rate=4M", 128, "8 MB at 4 MB"), ("iops=50", 100, "100 requests at 50")):
        r = guest("--disk", path(name) + "," + key, "--", "python3", "-c", READ % reads)
        ok(1.5 < float(r.stdout or 0) < 15, f"{name}: {what} a second take two seconds ({r.stdout.strip()})", r)
refused("a rate that is too low", ["rate= takes"], "--disk", path("l.img,rate=1"))
refused("requests that are no number", ["iops= takes"], "--disk", path("l.img,iops=x"))

# Names in an image are its maker's, who may not be the user.
secret = path("secret")
with open(secret, "w") as f:
    f.write("secret" * 1000)
qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, path("n1.qcow2"))
qemu_img("rebase", "-u", "-f", "qcow2", "-b", "json:{\"driver\":\"file\",\"filename\":\"" + secret + "\"}", "-F", "raw", path("n1.qcow2"))
refused("a base that is not a file", ["is not a file"], "--disk", path("n1.qcow2"))
qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, path("n2.qcow2"))
with open(path("n2.qcow2"), "r+b") as f:
    head = f.read(4096)
    f.seek(head.index(b"\xe2\x79\x2a\xca"))  # the header extension that has it
    f.write(b"none")
refused("a base without a format", ["does not say which format"], "--disk", path("n2.qcow2"))
qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, path("n3.qcow2"))
os.rename(secret, secret + "2")
refused("a base that is missing", ["is missing"], "--disk", path("n3.qcow2"))
os.rename(secret + "2", secret)
qemu_img("create", "-q", "-f", "qcow2", "-o", f"data_file={path('outside')},data_file_raw=on", path("n4.qcow2"), "1M")
refused("data in another file", ["has its data in another file"], "--disk", path("n4.qcow2"))
with open(path("n5.vmdk"), "w") as f:
    f.write('# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
            'RW 11 FLAT "/etc/../etc/passwd" 0\nddb.adapterType = "ide"\nddb.geometry.cylinders = "1"\n'
            'ddb.geometry.heads = "16"\nddb.geometry.sectors = "63"\n')
r = guest("--disk", path("n5.vmdk"), *sh("head -c 20 /dev/vdc"))
ok(r.returncode == 125 and "root" not in r.stdout and r.stderr.count("\n") == 1, "parts in another directory", r)
done()
