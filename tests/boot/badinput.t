#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
# Kernels, initramfs, disks and sizes that are missing or wrong: one sentence
# each that names the file and the way out. What is right only in part may work.
import fcntl
import gzip
import hashlib
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from host import *

KERNEL, INITRD, ROOT = (os.environ[f"RING3_{n}"] for n in ("KERNEL", "INITRD", "ROOT"))
dir_ = os.path.join(TMP, "bad")
os.makedirs(dir_, exist_ok=True)


def file(name, data):
    path = os.path.join(dir_, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def says(r, text, status):
    """One message of ring3's, with all of text in it. What the guest wrote to its console may follow."""
    lines = r.stderr.decode(errors="replace").splitlines()
    ours = [line for line in lines if line.startswith("ring3: ")]
    return r.returncode in status and len(ours) == 1 and lines[0] == ours[0] and \
        all(t in ours[0] for t in text)


def refused(what, args, *text, status=(125,)):
    start = time.monotonic()
    r = run("run", "--timeout", "30", *args, "--", "true", timeout=60)
    ok(says(r, text, status) and time.monotonic() - start < 20, what, r.returncode,
       r.stderr.decode(errors="replace")[:3000])


def refused_or_works(what, args, *text, status=(125, 121)):
    r = run("run", "--timeout", "30", *args, "--", "echo", "fine", timeout=60)
    ok((r.returncode, r.stdout) == (0, b"fine\n") or says(r, text, status), what, r.returncode,
       r.stderr.decode(errors="replace")[:3000])


# ---- kernels ----

with open(KERNEL, "rb") as f:
    kernel = f.read()
refused("kernel: missing", ["--kernel", "/nowhere/vmlinux"], "/nowhere/vmlinux", "--kernel")
refused("kernel: empty", ["--kernel", file("empty", b"")], "empty", "--kernel")
refused("kernel: a directory", ["--kernel", dir_], dir_, "there is no vmlinux")
refused("kernel: a device", ["--kernel", "/dev/zero"], "/dev/zero", "--kernel")
refused("kernel: a text", ["--kernel", file("text", b"Linux\n" * 100)], "text", "--kernel")
for length in (1, 63):
    refused(f"kernel: its first {length} bytes", ["--kernel", file("short", kernel[:length])], "short", "--kernel")
for length in (64, 100, 4096, len(kernel) // 4, len(kernel) // 2):
    refused(f"kernel: its first {length} bytes", ["--kernel", file("cut", kernel[:length])], "truncated")
refused_or_works("kernel: all but its last byte", ["--kernel", file("cut", kernel[:-1])], "truncated")
boot_sector = bytearray(kernel[:65536])
boot_sector[0:2], boot_sector[0x1fe:0x200], boot_sector[0x202:0x206] = b"MZ", b"\x55\xaa", b"HdrS"
refused("kernel: a bzImage", ["--kernel", file("bzImage", boot_sector)], "bzImage", "vmlinux")
refused("kernel: compressed", ["--kernel", file("vmlinux.gz", gzip.compress(kernel[:1 << 20]))], "vmlinux.gz", "--kernel")
for name, at, value in (("AArch64", 18, b"\xb7\0"), ("RISC-V", 18, b"\xf3\0"), ("i386", 4, b"\1")):
    data = bytearray(kernel)
    data[at:at + len(value)] = value
    refused(f"kernel: for {name}", ["--kernel", file("other", data)], "another architecture", "x86-64")
refused("kernel: a program", ["--kernel", "/bin/ls"], "/bin/ls", "ring3")
stock = next((p for p in (os.path.join("/boot", n) for n in (os.listdir("/boot") if os.path.isdir("/boot") else []))
              if os.path.basename(p).startswith("vmlinuz") and os.access(p, os.R_OK)), None)
if stock:
    refused("kernel: this host's", ["--kernel", stock], stock, "vmlinux")
relinked = bytearray(kernel)
phoff = int.from_bytes(kernel[32:40], "little")
relinked[phoff + 16:phoff + 24] = (0xffffffff81000000).to_bytes(8, "little")
refused("kernel: linked elsewhere", ["--kernel", file("elsewhere", relinked)], "ARCH=ring3")
relinked = bytearray(kernel)
relinked[phoff + 40:phoff + 48] = (1 << 62).to_bytes(8, "little")
refused("kernel: a segment of 4 EiB", ["--kernel", file("huge", relinked)], "ring3")
relinked = bytearray(kernel)
relinked[24:32] = (0x1000).to_bytes(8, "little")
refused("kernel: an entry nowhere", ["--kernel", file("entry", relinked)], "ring3 kernel")
zeroed = bytearray(kernel)
offset = int.from_bytes(kernel[phoff + 8:phoff + 16], "little")
zeroed[offset:offset + 4096] = bytes(4096)
refused("kernel: without its header", ["--kernel", file("zeroed", zeroed)], "ring3 kernel")

# ---- initramfs ----

with open(INITRD, "rb") as f:
    initrd = f.read()
refused("initramfs: missing", ["--initrd", "/nowhere/initramfs"], "/nowhere/initramfs", "--initrd")
refused("initramfs: empty", ["--initrd", file("empty", b"")], "empty", "--initrd")
refused("initramfs: a directory", ["--initrd", dir_], dir_, "--initrd")
refused("initramfs: larger than the memory", ["--mem", "64M", "--initrd", file("big", bytes(70 << 20))], "--mem")
# What the kernel thinks of these it says itself.
for what, data in (("garbage", os.urandom(1 << 20)), ("zeros", bytes(1 << 20)), ("its first half", initrd[:len(initrd) // 2]),
                   ("an empty archive", b"070701" + b"0" * 88 + b"0000000b" + b"00000000" + b"TRAILER!!!\0" + bytes(3))):
    r = run("run", "--timeout", "30", "--initrd", file("initrd", data), "--", "true", timeout=60)
    text = r.stderr.decode(errors="replace")
    ok(r.returncode == 121 and text.startswith("ring3: the guest kernel panicked") and "Kernel panic" in text,
       f"initramfs: {what}: the kernel's own words", r.returncode, text[:3000])

# ---- disks ----

with open(ROOT, "rb") as f:
    start_of_root = f.read(40 << 20)
refused("root: missing", ["--root", "/nowhere/disk"], "/nowhere/disk")
refused("root: empty", ["--root", file("empty", b"")], "empty")
refused("root: a directory, with a file system", ["--root", dir_, "--rootfstype", "ext4"], dir_)
refused("root: garbage", ["--root", file("garbage", os.urandom(4 << 20))], "no file system")
refused("root: zeros", ["--root", file("zeros", bytes(4 << 20))], "no file system")
refused("root: 100 bytes", ["--root", file("tiny", b"x" * 100)], "tiny")
refused("root: a compressed image", ["--root", file("root.gz", gzip.compress(bytes(1 << 22) + os.urandom(1 << 20)))], "raw image")
cut = file("cut.img", start_of_root)
before = digest(cut)
for mode in ([], ["--root-ro"], ["--root-rw"]):
    refused(f"root: its first 40 MB {' '.join(mode)}", [*mode, "--root", cut], "cannot be mounted")
same(digest(cut), before, "which did not change it")
# A superblock that is right and nothing else.
hollow = file("hollow.img", start_of_root[:8192])
os.truncate(hollow, os.stat(ROOT).st_size)
r = run("run", "--timeout", "30", "--root", hollow, "--", "true", timeout=60)
ok(r.returncode in (121, 125, 126, 127) and r.stderr.startswith(b"ring3: "), "root: only a superblock", r)
refused("disk: missing", ["--disk", "/nowhere/disk"], "/nowhere/disk")
refused("disk: what follows the path", ["--disk", f"{cut},rw"], "only ro, format=")
if os.getuid():
    secret = file("secret", bytes(1 << 20))
    os.chmod(secret, 0)
    refused("root: not readable", ["--root", secret], "secret", "ermission")

image = os.path.join(dir_, "taken.img")
with open(image, "wb") as f:
    f.truncate(64 << 20)
mke2fs = shutil.which("mke2fs", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
subprocess.run([mke2fs, "-q", "-F", image], check=True)
g = Guest("--disk", image, "--", "sh", "-c", "for d in /dev/vd?; do :; done; mount $d /mnt && seq 1000 > /mnt/seq && sync && "
          "echo up; read x; umount /mnt; echo bye")
ok(g.expect("up\n"), "a disk that is kept is in use", g.text)
refused("disk: in use", ["--disk", image], "in use", image)
refused("disk: in use, to read it", ["--disk", image + ",ro"], image)
g.type("\n")
same(g.wait(), 0, "its guest is not disturbed")
e2fsck = shutil.which("e2fsck", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
r = subprocess.run([e2fsck, "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
same(r.returncode, 0, "and its file system is sound")

def free(path):
    """Has its last user ended? Killed while the host writes for it, one takes a moment."""
    with open(path, "r+b") as f:
        try:
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


# A guest that is killed leaves what it synced, whatever else it was writing.
for i in range(3):
    g = Guest("--disk", image, "--", "sh", "-c", f"for d in /dev/vd?; do :; done; mount $d /mnt && seq 5000 > /mnt/kept{i} && sync && "
              "echo up; while :; do head -c 3000000 /dev/urandom > /mnt/$((n % 7)); n=$((n + 1)); done")
    up = g.expect("up\n")
    time.sleep(0.4)
    (os.kill(g.monitor(), signal.SIGKILL) if i else g.proc.kill())
    g.wait()
    wait_until(lambda: free(image), 20)
    r = subprocess.run([e2fsck, "-fy", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    clean = subprocess.run([e2fsck, "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = run("run", "--timeout", "30", "--disk", image + ",ro", "--", "sh", "-c",
              f"for d in /dev/vd?; do :; done; mount -o ro $d /mnt && tail -1 /mnt/kept{i}")
    ok(up and r.returncode in (0, 1) and clean.returncode == 0 and out.stdout == b"5000\n",
       f"killed while it writes ({i + 1}): what was synced is there", up, r, out)

# ---- sizes ----

for size, text in (("0", "64M"), ("1K", "64M"), ("1M", "64M"), ("63M", "64M"), ("512", "512M"), ("lots", "512M"),
                   ("-1G", "512M"), ("100T", "more than"), ("16E", ""), ("99999999999999999999G", "too large")):
    refused(f"--mem {size}", [f"--mem={size}"], "--mem", text)
with open("/proc/meminfo") as f:
    total = sum(int(line.split()[1]) for line in f if line.startswith(("MemTotal:", "SwapTotal:"))) // 1024
refused("--mem: more than this host has", ["--mem", f"{total + 1024}M"], "more than this host has")
refused_or_works("--mem: nearly all that this host has", ["--mem", f"{total - 64}M"], "--mem")
refused_or_works("--mem 64M", ["--mem", "64M"], "--mem")
r = guest("--mem", "96M", "--", "sh", "-c", "head -c 300000000 /dev/zero | tail -c 1 | wc -c; sleep 0.1; echo on")
ok(r.returncode == 0 and b"on\n" in r.stdout, "a guest that runs out of memory goes on", r)
for cpus in ("0", "-1", "65", "1000000", "two"):
    refused(f"--cpus {cpus}", [f"--cpus={cpus}"], "--cpus")
done()
