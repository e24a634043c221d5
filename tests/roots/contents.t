#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# A root that is a tar archive has all that the archive has, whoever made it a disk.
import bz2
import lzma
import os
import shutil
import stat
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rootlib import *

big = os.urandom(300000)
holes = b"begin" + bytes(3 << 20) + b"middle" + bytes(5 << 20) + b"end"
odd = "d\xe9j\xe0 \U0001f600".encode().decode()
entries = program() + [
    directory("./", 0o751, uid=0, mtime=1600000000),
    directory("dir", 0o2750, uid=70000, gid=100001, mtime=1234567890.123456),
    entry("dir/file", b"hello", mode=0o640, uid=70001, gid=3, mtime=-5),
    entry("setuid", b"x", mode=0o4755), entry("empty"), entry("big", big), entry("holes", holes),
    entry("late", b"", mtime=(1 << 33) + 0.5),
    directory("sticky", 0o1777),
    link("short", "dir/file"), link("long", "x/" * 40 + "y"), link("longer", "z" * 1000),
    link("dir/hard", "dir/file", hard=True), link("dir/hard2", "./dir/hard", hard=True),
    entry("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
    entry("disk", type=tarfile.BLKTYPE, devmajor=259, devminor=70000, mode=0o660),
    entry("fifo", type=tarfile.FIFOTYPE, mode=0o600),
    entry("/absolute/name", b"a"), entry("not/made/before", b"b"),
    entry(odd, b"c"), entry("n" * 255, b"d"),
    entry("again", b"first"), entry("again", b"second, longer"),
    entry(".wh.kept", b"a plain archive has no whiteouts"),
    directory("many"), *(entry("many/%05d" % n) for n in range(2500)),
    # More names than one node of a directory's hash tree has room for.
    directory("wide"), *(entry("wide/%0200d" % n) for n in range(12000)),
    directory("lots"), *(directory("lots/%03d" % n) for n in range(300)),
    link("abslink", "/dir"), entry("abslink/through", b"t"), link("uplink", "../../../dir"), entry("uplink/up", b"u"),
]
x = entry("xattrs", b"y")
x[0].pax_headers = {"SCHILY.xattr.user.a": "b", "SCHILY.xattr.security.capability": "\x01\0\0\x02\0\x04" + "\0" * 14,
                    "SCHILY.xattr.user.long": "v" * 2000,
                    # Of another system: left out, as it has no place in ext4.
                    "SCHILY.xattr.com.apple.quarantine": "v" * 200, "SCHILY.xattr.system.data": "v"}
entries.append(x)
plain = tar(entries)
t = tree("--root", put("full.tar", plain))
ok(len(t) > 14800, f"{len(t)} entries", sorted(t)[:20])


def has(p, **k):
    o = t.get(p, {})
    same({key: o.get(key) for key in k}, k, p)


has("/dir", mode=stat.S_IFDIR | 0o2750, uid=70000, gid=100001, mtime=1234567890)
ok(abs(t["/dir"]["nsec"] - 123456000) < 2000, "parts of seconds")
has("/dir/file", mode=stat.S_IFREG | 0o640, uid=70001, gid=3, size=5, sum=checksum(b"hello"), links=3, mtime=-5)
same(len({t[p]["ino"] for p in ("/dir/file", "/dir/hard", "/dir/hard2")}), 1, "hard links are one file")
has("/late", mtime=1 << 33, nsec=500000000)
has("/setuid", mode=stat.S_IFREG | 0o4755)
has("/sticky", mode=stat.S_IFDIR | 0o1777)
has("/empty", size=0)
has("/big", size=len(big), sum=checksum(big))
has("/holes", size=len(holes), sum=checksum(holes))
ok(t["/holes"]["blocks"] < 200, "what is zero takes no space", t["/holes"]["blocks"])
has("/short", target="dir/file", mode=stat.S_IFLNK | 0o777)
has("/long", target="x/" * 40 + "y")
has("/longer", target="z" * 1000)
has("/null", mode=stat.S_IFCHR | 0o666, dev=[1, 3])
has("/disk", mode=stat.S_IFBLK | 0o660, dev=[259, 70000])
has("/fifo", mode=stat.S_IFIFO | 0o600)
has("/absolute/name", size=1)
has("/not/made", mode=stat.S_IFDIR | 0o755, uid=0)
has("/" + odd.encode().decode("latin-1"), size=1)
has("/" + "n" * 255, size=1)
has("/again", size=14, sum=checksum(b"second, longer"))
has("/.wh.kept", size=32)
has("/dir/through", size=1)
has("/dir/up", size=1)
has("/xattrs", xattrs={"user.a": "b", "user.long": "v" * 2000, "security.capability": "\x01\0\0\x02\0\x04" + "\0" * 14})
same(sum(p.startswith("/many/") for p in t), 2500, "2500 files in one directory")
same(sum(p.startswith("/wide/") for p in t), 12000, "12000 long ones in another")
has("/lots", links=302)

image = os.path.join(CACHE, cached()[0])
if shutil.which("e2fsck", path=os.environ["PATH"] + ":/sbin:/usr/sbin"):
    r = subprocess.run(["e2fsck", "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       env=dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin"))
    same(r.returncode, 0, "e2fsck finds nothing to repair") or print("# " + r.stdout.decode()[:2000].replace("\n", "\n# "))
else:
    skip("e2fsck finds nothing to repair", "e2fsprogs is not installed")
size = os.stat(image)
ok(size.st_blocks * 512 < 16 << 20, f"the disk of {size.st_size >> 30} GiB takes {size.st_blocks // 2048} MiB")
same(size.st_mode & 0o777, 0o444, "nobody writes to it")

# The same content, packed: the same disk but for what the archive's digest gives it.
small = tar(program() + [entry("x", b"1")])
packers = {"tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}
if shutil.which("zstd"):
    packers["tar.zst"] = lambda d: subprocess.run(["zstd", "-qc"], input=d, stdout=subprocess.PIPE, check=True).stdout
for ending, pack in packers.items():
    same(start("--root", put("small." + ending, pack(small)), "--", "/bin/show", "here")["args"], ["/bin/show", "here"], ending)
put("noending", gzip.compress(small))
same(start("--root", "tar:" + path("noending"), "--", "/bin/show")["args"], ["/bin/show"], "tar: takes a file of any name")
same(start("--root", put("gnu.tar", tar(program(), tarfile.GNU_FORMAT)), "--", "/bin/show")["args"], ["/bin/show"], "GNU's format")

# Whoever writes to it writes to a layer.
r = run("--root", path("small.tar.gz"), "--", "/bin/show", "write", "/x")
same(r.returncode, 0, "a guest writes to its root")
same(tree("--root", path("small.tar.gz"))["/x"]["size"], 1, "and the next one has what was there")
r = run("--root", path("small.tar.gz"), "--root-ro", "--", "/bin/show", "write", "/x")
ok(r.returncode != 0, "--root-ro: it cannot")

# Changed: another disk, at once.
name = put("changing.tar", small)
same("/y" in tree("--root", name), False, "as it was")
same(start("--root", name, "--", "/bin/show")["args"], ["/bin/show"], "twice")
put("changing.tar", tar(program() + [entry("y", b"1")]))
same("/y" in tree("--root", name), True, "a changed archive is a changed root")
old(name)
run("--root", name, "--", "/bin/show")
notes = len([f for f in os.listdir(CACHE) if f.startswith("memo-")])
ok(notes >= 1, "what an archive holds is remembered")
before = time.monotonic()
same(start("--root", name, "--", "/bin/show")["args"], ["/bin/show"], "and it is not read again")
os.utime(name, (1, 1))
put("changing.tar", small)
os.utime(name, (1, 1))
same("/y" in tree("--root", name), False, "nor is a change missed that keeps size and time of change")
done()
