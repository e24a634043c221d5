#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# ring3 cp: what it copies, what things are called, and guests that lie. The guest is
# the agent as a host process, so its paths are this host's.
# timeout: 240
import atexit
import io
import os
import signal
import stat
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

here = os.path.join(TMP, "cp")
os.makedirs(here)
os.chdir(here)
G = here + "/guest"
os.makedirs(G)
os.umask(0o22)


def make(path, data=b"x", mode=0o644):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def tree(top):
    out = {}
    for d, dirs, files in os.walk(top):
        for n in dirs + files:
            p = os.path.join(d, n)
            st = os.lstat(p)
            out[os.path.relpath(p, top)] = (stat.filemode(st.st_mode), st.st_mtime_ns if not stat.S_ISLNK(st.st_mode) else 0,
                                            os.readlink(p) if stat.S_ISLNK(st.st_mode) else open(p, "rb").read() if stat.S_ISREG(st.st_mode) else None)
    return out


def cp(*words, **k):
    return run("cp", *words, **k)


def fails(words, sentence, what, status=1):
    r = cp(*words)
    ok(r.returncode == status and sentence.encode() in r.stderr and len(r.stderr.splitlines()) == 1, f"{what}: {sentence}", r.returncode, r.stderr)


guest = spawn("run", "--name", "g", "--net", "none", "--", "sleep", "300", stdin=subprocess.DEVNULL)
wait_until(lambda: b"running" in run("ps").stdout)

# Trees.
make("src/file", b"hello", 0o640)
make("src/sub/big", os.urandom(3_000_000))
make("src/sub/empty", b"")
make("src/" + "n" * 255, b"long")
make("src/\u00e9 \u4e2d.txt", b"utf8")
make(os.fsdecode(b"src/\xff\xfe"), b"bytes")
make("src/" + "/".join(["d" * 200] * 12) + "/deep", b"deep")
os.symlink("file", "src/link")
os.symlink("/etc/passwd", "src/abs")
os.symlink("x" * 3000, "src/longlink")
os.link("src/file", "src/sub/hard")
os.mkfifo("src/fifo", 0o600)
os.makedirs("src/closed/in")
make("src/closed/in/f")
os.utime("src/file", ns=(1, 1234567890123456789))
os.utime("src/sub/empty", (5, 5))
os.chmod("src/closed", 0o555)
os.utime("src/sub", (7, 7))
want = tree("src")
r = cp("src", f"g:{G}/new")
same((r.returncode, r.stderr), (0, b""), "into the guest")
same(tree(G + "/new"), want, "all of it is there: content, modes, times, links")
same(os.stat(G + "/new/file").st_ino, os.stat(G + "/new/sub/hard").st_ino, "hard links too")
r = cp(f"g:{G}/new", "back")
same((r.returncode, r.stderr), (0, b""), "out of the guest")
same(tree("back"), want, "all of it is back")
same(os.stat("back/file").st_ino, os.stat("back/sub/hard").st_ino, "hard links too")

# What things are called, as docker cp has it.
os.makedirs("dir")
cp(f"g:{G}/new/file", "plain")
same(open("plain").read(), "hello", "a file to a new name")
make("plain", b"something longer than before")
cp(f"g:{G}/new/file", "plain")
same(open("plain").read(), "hello", "a file over a file")
cp(f"g:{G}/new/file", "dir")
same(os.listdir("dir"), ["file"], "a file into a directory")
cp(f"g:{G}/new/sub", "dir/")
same(sorted(os.listdir("dir")), ["file", "sub"], "a directory into a directory")
cp(f"g:{G}/new/sub/.", "dir")
ok(os.path.exists("dir/big"), "what is in a directory, into a directory")
cp(f"g:{G}/new/sub/.", "fresh")
same(sorted(os.listdir("fresh")), ["big", "empty", "hard"], "or to a new one")
cp(f"g:{G}/new/sub", "renamed")
same(sorted(os.listdir("renamed")), ["big", "empty", "hard"], "a directory to a new name")
fails((f"g:{G}/new/sub", "plain"), "it is a directory in the guest, and a file here", "a directory over a file")
fails((f"g:{G}/new/file", "nodir/"), "there is no such directory", "a file to a directory that is not there")
fails((f"g:{G}/new/file", "no/dir"), "cannot copy into the directory no", "a file into nothing", 125)
fails((f"g:{G}/nothing", "x"), f"the guest cannot read {G}/nothing: No such file or directory", "what is not there")
fails((f"g:{G}/new/file/.", "x"), "Not a directory", "what is in a file")
ok(not os.path.exists("x") and not os.path.exists("nodir"), "and nothing is made")
cp("src/file", f"g:{G}/one")
same(open(G + "/one").read(), "hello", "a file to a new name in the guest")
os.makedirs(G + "/d")
cp("src/file", f"g:{G}/d")
cp("src/sub", f"g:{G}/d")
cp("src/sub/.", f"g:{G}/d")
same(sorted(os.listdir(G + "/d")), ["big", "empty", "file", "hard", "sub"], "files and directories into one of the guest")
fails(("src/sub", f"g:{G}/one"), "Not a directory", "a directory over a file of the guest")
fails(("src/file", f"g:{G}/no/x"), "No such file or directory", "a file into nothing in the guest")
fails(("src/nothing", f"g:{G}/x"), "cannot copy src/nothing: No such file or directory", "what is not here", 125)
cp("src/link", f"g:{G}/l1")
cp("-L", "src/link", f"g:{G}/l2")
ok(os.path.islink(G + "/l1") and not os.path.islink(G + "/l2"), "links are copied as links unless -L")
cp("-L", f"g:{G}/new/link", "l3")
ok(os.path.isfile("l3") and not os.path.islink("l3"), "also out of the guest")

# Archives.
r = cp(f"g:{G}/new/sub", "-")
names = tarfile.open(fileobj=io.BytesIO(r.stdout)).getnames()
same(sorted(names), ["sub", "sub/big", "sub/empty", "sub/hard"], "- is a tar archive on stdout")
os.makedirs(G + "/t")
for kind in ("w", "w:gz", "w:xz"):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode=kind) as t:
        t.add("src/sub", "as-" + kind[2:])
    r = cp("-", f"g:{G}/t", input=b.getvalue())
    ok(r.returncode == 0 and open(G + f"/t/as-{kind[2:]}/big", "rb").read() == open("src/sub/big", "rb").read(), f"one on stdin, {kind}", r.stderr)
r = cp("-", f"g:{G}/t", input=b"this is no archive" * 100)
ok(r.returncode == 1 and b"not a tar archive" in r.stderr, "what is none", r.stderr)
r = cp("-", f"g:{G}/t", input=b.getvalue()[:5000])
ok(r.returncode == 1 and r.stderr, "one that is cut off", r.stderr)
b = io.BytesIO()
with tarfile.open(fileobj=b, mode="w") as t:
    i = tarfile.TarInfo("../escaped")
    t.addfile(i)
r = cp("-", f"g:{G}/t", input=b.getvalue())
ok(r.returncode == 1 and b'".." in it' in r.stderr and not os.path.exists(G + "/escaped"), "one with ../", r.stderr)

# Holes.
def holes(path):
    st = os.stat(path)
    return st.st_size - st.st_blocks * 512


make("holes/plain", b"p" * 10000)
with open("holes/sparse", "wb") as f:
    for at, data in ((0, b"begin"), (5 << 20, b"middle" * 1000), (200 << 20, b"end")):
        f.seek(at)
        f.write(data)
    f.truncate(300 << 20)
with open("holes/all", "wb") as f:
    f.truncate(1 << 40)
with open("holes/last", "wb") as f:
    f.seek(64 << 20)
    f.write(b"last")
if holes("holes/sparse") > 200 << 20:
    def digest(path):
        with open(path, "rb") as f:
            found = []
            at = 0
            while True:
                try:
                    at = os.lseek(f.fileno(), at, os.SEEK_DATA)
                except OSError:
                    return found, os.fstat(f.fileno()).st_size
                end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
                f.seek(at)
                found.append(f.read(end - at).strip(b"\0"))
                at = end

    start = time.monotonic()
    for where, words in (("into the guest", ("holes", f"g:{G}/holes")), ("out of it", (f"g:{G}/holes", "holes2"))):
        r = cp(*words)
        ok(r.returncode == 0 and not r.stderr, f"files with holes, {where}", r.stderr)
        top = G + "/holes" if words[0] == "holes" else "holes2"
        for n in ("sparse", "all", "last", "plain"):
            same(digest(f"{top}/{n}"), digest(f"holes/{n}"), f"{n}: the same {where}")
        ok(holes(f"{top}/sparse") > 200 << 20 and os.stat(f"{top}/all").st_blocks < 100, f"and they are holes {where}")
    ok(time.monotonic() - start < 60, "a terabyte of nothing costs no time")
    r = cp(f"g:{G}/holes/sparse", "-")
    make("sparse.tar", r.stdout)
    os.makedirs("untarred")
    ok(len(r.stdout) < 1 << 20, "nor room in an archive", len(r.stdout))
    t = subprocess.run(["tar", "xf", "sparse.tar", "-C", "untarred"], stderr=subprocess.PIPE)
    ok(t.returncode == 0 and digest("untarred/sparse") == digest("holes/sparse"), "which GNU tar reads", t.stderr)
else:
    skip("files with holes", "host: this file system has none")

# Extended attributes.
make("attrs/f", b"1")
values = {"user.text": b"value", "user.empty": b"", "user.bytes": bytes(range(256)), "user.lines": b"12 a=b\nc=d\n"}
try:
    for key, value in values.items():
        os.setxattr("attrs/f", key, value)
        os.setxattr("attrs", key, value)
except OSError:
    skip("extended attributes", "host: this file system has none")
else:
    for where, words, top in (("into the guest", ("attrs", f"g:{G}/attrs"), G + "/attrs"), ("out of it", (f"g:{G}/attrs", "attrs2"), "attrs2")):
        r = cp(*words)
        for n in ("", "/f"):
            same({k: os.getxattr(top + n, k) for k in os.listxattr(top + n) if k.startswith("user.")}, values, f"extended attributes of {'a file' if n else 'a directory'}, {where}")
    os.makedirs(G + "/t2")
    r = cp(f"g:{G}/attrs", "-")
    r = cp("-", f"g:{G}/t2", input=r.stdout)
    same(os.getxattr(G + "/t2/attrs/f", "user.bytes"), values["user.bytes"], "by way of an archive, too")

# Cut off in the middle.
def cut(words, top, what, sig=signal.SIGINT):
    before = sorted(os.listdir(os.path.dirname(top) or "."))
    p = subprocess.Popen([FAKE, "cp", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    seen, end = False, time.monotonic() + 20
    while not seen and time.monotonic() < end and p.poll() is None:
        seen = any(n.startswith(".ring3-cp-") for n in os.listdir(os.path.dirname(top) or "."))
    ok(seen, f"{what}: what is not whole has another name")
    p.send_signal(sig)
    p.communicate()
    ok(p.returncode != 0, f"{what}: it says so by its status", p.returncode)
    ok(wait_until(lambda: sorted(os.listdir(os.path.dirname(top) or ".")) == before), f"{what}: nothing is left", sorted(os.listdir(os.path.dirname(top) or ".")))


os.makedirs("much/sub")
for i in range(120):
    make(f"much/sub/{i}", b"m" * 400000)
cp("much", f"g:{G}/much")
for sig in signal.SIGINT, signal.SIGKILL:
    cut(("much", f"g:{G}/into"), G + "/into", f"into the guest, {sig.name}", sig)
    cut((f"g:{G}/much", "out"), "out", f"out of it, {sig.name}", sig)
make("one/big", b"old")
make(G + "/big", b"n" * 100_000_000)
cut((f"g:{G}/big", "one/big"), "one/big", "over a file")
same(open("one/big").read(), "old", "which is as it was")
subprocess.run(["rm", "-rf", "much", G + "/much", G + "/big"])

# Wrong words.
fails(("a", "b"), "none is in a guest", "no guest", 125)
fails(("g:/a", "g:/b"), "both are in guests", "two guests", 125)
fails(("g:/a",), "give what to copy and where to", "one word", 125)
fails(("g:", "x"), "a path is missing", "no path", 125)
fails(("nobody:/a", "x"), "no guest called nobody", "a guest that is not there", 125)
make("with:colon", b"c")
cp("./with:colon", f"g:{G}/colon")
same(open(G + "/colon").read(), "c", "a local name with a colon has a slash before it")

# Special bits and owners.
make(G + "/suid", b"s", 0o6755)
cp(f"g:{G}/suid", "suid")
same(oct(os.stat("suid").st_mode & 0o7777), "0o755", "a guest's set-user-ID bit is not taken over")
if os.getuid() == 0:
    os.chown(G + "/new/file", 12345, 54321)
    cp(f"g:{G}/new/file", "mine")
    cp("-a", f"g:{G}/new/file", "theirs")
    same((os.stat("mine").st_uid, os.stat("theirs").st_uid, os.stat("theirs").st_gid), (0, 12345, 54321), "-a keeps owners")
    os.mknod(G + "/new/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    r = cp("-a", f"g:{G}/new", "devices")
    ok(r.returncode == 0 and b"1 devices and sockets are left out" in r.stderr and not os.path.lexists("devices/null"), "devices are left out", r.stderr)
else:
    skip("-a keeps owners", "host: only root may give files away")
    skip("devices are left out", "host: only root may make devices")
guest.send_signal(signal.SIGTERM)
guest.wait()

# Guests that lie.
os.environ["R3INIT"] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lying_cp.py")
os.environ["LIE"] = os.path.join(here, "lie")
secret = os.path.join(here, "secret")
make(secret, b"secret")
liar = spawn("run", "--name", "liar", "--net", "none", "--", "sleep", "300", stdin=subprocess.DEVNULL)
atexit.register(liar.kill)
wait_until(lambda: b"liar" in run("ps").stdout and b"running" in run("ps").stdout)


def entry(name, data=b"", **k):
    i = tarfile.TarInfo(name)
    i.size = len(data)
    for key, value in k.items():
        setattr(i, key, value)
    if i.isdir():
        i.mode = 0o755
    return i, data


def lie(entries, what, sentence=None, raw=None, target="t/x"):
    b = io.BytesIO()
    if raw is None:
        with tarfile.open(fileobj=b, mode="w", format=tarfile.PAX_FORMAT) as t:
            for i, data in entries:
                t.addfile(i, io.BytesIO(data))
    make("lie", raw if raw is not None else b.getvalue())
    subprocess.run(["rm", "-rf", "t"])
    os.makedirs("t")
    before = sorted(os.listdir("."))
    r = cp("liar:/x", target)
    good = sorted(os.listdir(".")) == before and open(secret).read() == "secret" and b"\x1b" not in r.stderr
    if sentence is None:
        good = good and r.returncode == 0
    else:
        good = good and r.returncode == 1 and sentence.encode() in r.stderr
    ok(good, f"{what}: {sentence or 'harmless'}", r.returncode, r.stderr, sorted(os.listdir(".")), sorted(os.listdir("t")))


S, L, D, C = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE
lie([entry("x", b"fine")], "an honest answer")
lie([entry("../evil", b"1")], "../", '".." in it')
lie([entry("x/../../evil", b"1")], "x/../..", '".." in it')
lie([entry(here + "/evil", b"1")], "an absolute name", "what was not asked for")
lie([entry("y", b"1")], "another name", "what was not asked for")
lie([entry("xy", b"1")], "a name that begins the same", "what was not asked for")
lie([entry("x", type=D), entry("x/l", type=S, linkname=".."), entry("x/l/evil", b"1")], "through a link that it made", "cannot be written")
lie([entry("x", type=D), entry("x/l", type=S, linkname=here), entry("x/l/evil", b"1")], "through an absolute one", "cannot be written")
lie([entry("x", type=S, linkname=here), entry("x/evil", b"1")], "through a link in place of the top", "cannot be written")
lie([entry("x", type=D), entry("x/l", type=S, linkname=secret), entry("x/l", b"overwritten")], "over a link that it made")
lie([entry("x", type=D), entry("x/h", type=L, linkname=secret)], "a hard link to a file of the host", "what was not asked for")
lie([entry("x", type=D), entry("x/h", type=L, linkname="../../secret")], "by ..", '".." in it')
lie([entry("x", type=D), entry("x/l", type=S, linkname="../.."), entry("x/h", type=L, linkname="x/l/secret")], "by a link", "cannot be written")
lie([entry("x", type=D), entry("x/l", type=S, linkname="../../secret"), entry("x/h", type=L, linkname="x/l"), entry("x/h", b"1")], "a hard link to a link")
lie([entry("x", type=D), entry("x/dev", type=C, devmajor=1, devminor=1)], "a device")
lie([entry("x", type=D)] + [entry("x", b"file now")], "a file in place of the directory", "cannot be written")
lie([entry("x", b"1"), entry("x/y", b"1")], "a directory in place of the file", "cannot be written")
lie([entry("x", b"1", mode=0o6777)], "special bits")
same(oct(os.stat("t/x").st_mode & 0o6000), "0o0", "which are not there")
lie([entry("x/" + "/".join("d" * 100 for _ in range(60)), b"1")], "a path that is too long", "")
lie([], "noise", "not a tar archive", raw=os.urandom(3000))
lie([], "nothing", "not a tar archive", raw=b"")
lie([entry("x", b"1" * 100000)], "cut off", "cut off", raw=(lambda b: b[:50000])(open("back/sub/big", "rb").read() and (lambda io_: (tarfile.open(fileobj=io_, mode="w").addfile(*(lambda e: (e[0], io.BytesIO(e[1])))(entry("x", b"1" * 100000))), io_.getvalue())[1])(io.BytesIO())))
lie([entry("x", type=D), entry("x/a\x1b[2J/../b", b"1")], "text that would control the terminal", '".." in it')
os.symlink(here, "hostlink")
make("hostdir/keep", b"k")
lie([entry("x", type=D), entry("x/keep", b"new")], "into a directory that is there", target="hostdir")
ok(open("hostdir/keep").read() == "k" and open("hostdir/x/keep").read() == "new", "what was there is as it was")
liar.send_signal(signal.SIGTERM)
liar.wait()
os.chmod("src/closed", 0o755)
subprocess.run(["chmod", "-R", "u+w", here])
done()
