#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Archives and images that are hostile, damaged, or not what they should be: one
# sentence each, no guest, and nothing that is half made.
import os
import signal
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rootlib import *


def refused(ref, sentence, what):
    r = run("--root", ref)
    text = r.stderr.decode()
    good = r.returncode == 125 and sentence in text and len(text.strip().splitlines()) == 1 and not r.stdout
    ok(good and not cached() and not [f for f in os.listdir(CACHE) if not f.startswith("memo")] if os.path.isdir(CACHE) else good,
       f"{what}: {sentence}", r.returncode, text, cached())


def bad_tar(entries, sentence, what, fmt=tarfile.PAX_FORMAT):
    refused(put("bad.tar", tar(program() + entries, fmt)), sentence, what)


# Names that lead elsewhere.
bad_tar([entry("../x", b"1")], 'a name with ".." in it', "../")
bad_tar([entry("a/../../x", b"1")], 'a name with ".." in it', "a/../..")
bad_tar([entry("a/..", b"1")], 'a name with ".." in it', "a/..")
bad_tar([link("x", "../../etc/passwd", hard=True)], 'a name with ".." in it', "a hard link to ../..")
bad_tar([link("x", "/etc/shadow", hard=True)], "a hard link x to /etc/shadow, which is not a file in it", "a hard link to a host's file")
bad_tar([directory("d"), link("x", "d", hard=True)], "a hard link x to d, which is not a file", "a hard link to a directory")
bad_tar([link("a", "b"), link("b", "a"), entry("a/x", b"1")], "symbolic links in a circle", "symbolic links in a circle")
bad_tar([link("nowhere", "/does/not/exist"), entry("nowhere/x", b"1"), entry("f", b"1"), entry("f/x", b"1")],
        "below f, which is not a directory", "something below a file")
bad_tar([entry("x" * 256, b"1")], "a name of 256 bytes", "a long name")
bad_tar([entry("/".join(["d"] * 3000), b"1")], "a path of more than 4096 bytes", "a long path")
bad_tar([entry(".", b"1")], "its root is not a directory", "a root that is a file")
deep = []
for i in range(8):
    deep += [directory("/".join(["s"] + ["d"] * 200)) if i else directory("/".join(["d"] * 200)),
             link("s%d" % i, "/".join((["s%d" % (i - 1)] if i else []) + ["d"] * 200)),
             directory("s%d/" % i + "/".join(["d"] * 200))]
bad_tar(deep, "nested more than 1024 deep", "directories that are nested deeper than a path is long")
bad_tar([entry("x", type=tarfile.CHRTYPE, devmajor=5000, devminor=1)], "a device whose number is not possible", "a device number")
bad_tar([entry("x", uid=1 << 40)], "whose owner", "an owner", )
x = entry("x")
x[0].pax_headers = {"SCHILY.xattr.user.%d" % i: "v" * 1000 for i in range(8)}
bad_tar([x], "extended attributes that ext4 has no room for", "extended attributes without end")

# What is damaged, or no archive.
good = tar(program() + [entry("x", os.urandom(100000))])
refused(put("cut.tar", good[:len(good) // 2]), "damaged or cut off", "cut off in a file")
refused(put("cut.tar", good[:(len(good.rstrip(b"\0")) + 511) // 512 * 512]),
        "the end of a tar archive is missing", "cut off between files")
refused(put("cut.tar.gz", gzip.compress(good)[:-4000]), "damaged or cut off", "cut off while packed")
flip = bytearray(gzip.compress(good))
flip[len(flip) // 2] ^= 0xff
refused(put("flip.tar.gz", bytes(flip)), "damaged or cut off", "a flipped bit")
refused(put("noise.tar", os.urandom(5000)), "it is not a tar archive", "noise")
refused(put("empty.tar", b""), "it is empty", "an empty file")
refused(put("text.tar.gz", gzip.compress(b"hello")), "it is not a tar archive", "a packed text")
refused(path("missing.tar"), "cannot open the root's archive", "a missing file")
os.makedirs(path("dir.tar"))
refused(path("dir.tar"), "is not a regular file", "a directory")
os.mkfifo(path("fifo.tar"))
refused(path("fifo.tar"), "is not a regular file", "a FIFO")
refused("tar:", "a path is missing", "no path")
# Sparse, and packed so well that it would fill the disk: a file of 2 EiB.
x = entry("x")
x[0].pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x", "GNU.sparse.realsize": str(1 << 61)}
x[0].size = 512
refused(put("sparse.tar", tar(program() + [(x[0], b"1\n%d\n0\n" % (1 << 61) + bytes(512 - 23))])), "larger than any that ext4 can have" , "a sparse file without end")
x = entry("x", bytes(range(256)) * 4)
x[0].pax_headers = {"GNU.sparse.map": "0,512,1048576,512", "GNU.sparse.size": "1000", "GNU.sparse.numblocks": "2"}
bad_tar([x], "data behind its end", "a sparse file with data behind its end")
# What takes a name away takes a time that grows with what is below it, and not with its square.
r = run("--root", put("bad.tar", tar(program() + [directory("d"), *(entry("d/%d" % i) for i in range(120000)), entry("d", b"x"), entry("../x", b"1")],
                                     tarfile.USTAR_FORMAT)))
ok(r.returncode == 125 and b'a name with ".." in it' in r.stderr, "a large directory that a file replaces", r.returncode, r.stderr.decode())

# Images.
base = tar(program())
cfg = config([base], Cmd=["/bin/show"])
l = Layout("l")
ref = l.add([base])
refused(ref + ":nope", "there is no tag nope in it; there are: latest", "a tag that is not there")
refused("oci:" + path("nolayout"), "cannot open the OCI layout", "no layout")
os.makedirs(path("nolayout2"))
refused("oci:" + path("nolayout2"), "is not an OCI layout", "a directory that is none")
l.add([base], tag="other", Cmd=["x"])
refused(ref, "it has several images; name one after a colon: latest, other", "several images")
for i, (text, sentence) in enumerate(((b"{", "is not the JSON"), (b"[]", "is not the JSON"), (b'{"manifests": 1}', "no list of manifests"),
                       (b'{"manifests": []}', "no image for linux/amd64"), (b"[" * 100, "is not the JSON"), (b"\0" * 10, "is not the JSON"),
                       (b'{"manifests": [{"digest": "sha512:00", "size": 1}]}', "is not one of sha256"),
                       (b'{"manifests": [{"digest": "sha256:../../../../etc/passwd", "size": 1}]}', "is not one of sha256"),
                       (b'{"manifests": [{"digest": "sha256:%s"}]}' % (b"0" * 64), "does not say how large"),
                       (b'{"manifests": [{"digest": "sha256:%s", "size": 3}]}' % (b"0" * 64), "is missing or cannot be read"),
                       (b" " * (5 << 20), "description is 5242880 bytes long"))):
    b = Layout("b%d" % i)
    b.write("index.json", text)
    refused("oci:" + b.dir, sentence, "an index " + text[:60].decode())
b = Layout("noamd")
refused(b.index(b.manifest([base], config([base], arch="arm64"), platform={"os": "linux", "architecture": "arm64"})), "no image for linux/amd64",
        "another architecture by the index")
refused(b.index(b.manifest([base], config([base], arch="arm64"))), "an image for linux/arm64", "and by the configuration")


def broken(name, change, sentence, what):
    b = Layout(name)
    m = b.manifest([base], cfg)
    refused(change(b, m) or b.index(m), sentence, what)


def blob_of(b, m, which):
    text = json.load(open(os.path.join(b.dir, "blobs/sha256", m["digest"][7:])))
    return "blobs/sha256/" + (text["config"] if which == "config" else text["layers"][0])["digest"][7:]


broken("c1", lambda b, m: b.write(blob_of(b, m, "layer"), gzip.compress(tar(program() + [entry("evil")]))), "instead of", "a layer of another size")


def change_time(b, m):
    """In gzip's header, so that it unpacks as before."""
    name = blob_of(b, m, "layer")
    data = bytearray(open(os.path.join(b.dir, name), "rb").read())
    data[4] ^= 1
    b.write(name, bytes(data))


broken("c2", change_time, "a layer is not what its digest says", "a layer that was changed")
broken("c3", lambda b, m: b.write(blob_of(b, m, "config"), json.dumps(cfg).replace("linux", "LINUX").encode()), "configuration is not what its digest says",
       "a configuration that was changed")
broken("c4", lambda b, m: os.unlink(os.path.join(b.dir, blob_of(b, m, "layer"))), "is missing or cannot be read", "a layer that is missing")


def to_fifo(b, m):
    p = os.path.join(b.dir, blob_of(b, m, "layer"))
    os.unlink(p)
    os.mkfifo(p)


def to_outside(b, m):
    p = os.path.join(b.dir, blob_of(b, m, "layer"))
    os.rename(p, path("outside"))
    os.symlink(path("outside"), p)


broken("c5", to_fifo, "it is not a regular file", "a layer that is a FIFO")
broken("c6", to_outside, "is missing or cannot be read", "a layer that is a link out of the layout")
broken("c7", lambda b, m: b.index(b.manifest([base], config([tar([entry("other")])], Cmd=["x"]))), "an unpacked layer is not what its digest says",
       "a layer that is not the configuration's")
broken("c8", lambda b, m: b.index(b.manifest([base, base], cfg)), "its manifest has 2 layers and its configuration 1", "numbers of layers")
broken("c9", lambda b, m: b.index(b.json({"schemaVersion": 1}, "manifest.v1+json")), "schema version 2", "an old manifest")


def artifact(b, m):
    c = b.blob(b"{}", "config.v1+json")
    c["mediaType"] = "application/vnd.example.chart"
    return b.index(b.json({"schemaVersion": 2, "config": c, "layers": []}, "manifest.v1+json"))


broken("c10", artifact, "it is not an image but application/vnd.example.chart", "an artifact")


def circle(b, m):
    x = m
    for _ in range(6):
        x = b.json({"schemaVersion": 2, "manifests": [x]}, "index.v1+json")
    return b.index(x)


broken("c11", circle, "nested more than", "indexes in indexes")
evil = [tar([entry("a/.wh...", b"")]), tar([entry(".wh.", b"")]), tar([entry(".wh...", b"")]), tar([entry("../.wh.x", b"")])]
for i, e in enumerate(evil):
    b = Layout("w%d" % i)
    refused(b.add([base, e]), "" if i == 3 else "a whiteout of no name", "a whiteout %d" % i)
b = Layout("cwd")
refused(b.add([base], WorkingDir="relative"), "its working directory is not an absolute path", "a relative working directory")
b = Layout("nul")
refused(b.add([base], Env=["A=\0B"]), "that is not text", "a variable with a zero byte")

# docker's archives.
put("d.tar", docker([([base], cfg, ["a:1"]), ([base], config([base], Cmd=["y"]), ["b:2"])]))
refused("docker-archive:" + path("d.tar"), "it has 2 images; name one after a colon: a:1, b:2", "several images")
refused("docker-archive:" + path("d.tar") + ":c", "there is no image c in it; there are: a:1, b:2", "one that is not there")
refused("docker-archive:" + put("p.tar", base), "there is no manifest.json in it", "a plain tar archive")
refused("docker-archive:" + put("m.tar", tar([entry("manifest.json", b'[{"Config": "c", "Layers": []}]')])), "there is no c in it", "without configuration")
refused("docker-archive:" + put("m.tar", tar([entry("manifest.json", json.dumps([{"Config": "c", "Layers": ["l"]}]).encode()),
                                              entry("c", json.dumps(cfg).encode())])), "there is no layer l in it", "without its layer")
refused("docker-archive:" + put("m.tar", tar([entry("manifest.json", json.dumps([{"Config": "c", "Layers": ["l"]}]).encode()),
                                              entry("c", json.dumps(cfg).encode()), entry("l", tar([entry("evil")]))])),
        "an unpacked layer is not what its digest says", "with another layer")
refused("docker-archive:" + put("m.tar", tar([link("manifest.json", "manifest.json")])), "there is no manifest.json in it", "links in a circle")
refused("docker-archive:" + path("nothere.tar") + ":x", "cannot open the root's archive", "a missing archive")

# Options that do not go with it.
r = run("--root", put("ok.tar", base), "--root-rw", "--", "/bin/show")
ok(r.returncode == 125 and b"leave --root-rw out" in r.stderr, "--root-rw", r.stderr)
kept = os.path.join(TMP, "kept.qcow2")
r = run("--root", put("ok.tar", base), "--root-overlay", kept, "--", "/bin/show")
ok(r.returncode == 125 and b"copy it first" in r.stderr and not os.path.exists(kept), "--root-overlay over a disk of the cache", r.stderr)
env = dict(os.environ, XDG_CACHE_HOME="relative")
r = run("--root", path("ok.tar"), "--", "/bin/show", env=env)
ok(r.returncode == 125 and b"set XDG_CACHE_HOME to the absolute path" in r.stderr, "a cache that is nowhere", r.stderr)
os.makedirs(path("file"))
open(path("file/ring3"), "w").close()
r = run("--root", path("ok.tar"), "--", "/bin/show", env=dict(os.environ, XDG_CACHE_HOME=path("file")))
ok(r.returncode == 125 and b"cannot be written" in r.stderr, "a cache that cannot be", r.stderr)

# Killed in the middle: nothing of it is there, and the next one works.
big = put("big.tar", tar(program() + [entry("big%d" % i, os.urandom(1 << 20) * 40) for i in range(4)]))
p = subprocess.Popen([os.environ["RING3"], "run", "--net", "none", "--root", big, "--", "/bin/show"], stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
ok(wait_until(lambda: [f for f in os.listdir(CACHE) if "lock" in f] if os.path.isdir(CACHE) else 0), "it is being made")
time.sleep(0.1)
p.send_signal(signal.SIGKILL)
p.wait()
ok(not cached(), "ring3 run was killed: there is no disk", os.listdir(CACHE))
same(start("--root", big, "--", "/bin/show")["args"], ["/bin/show"], "the next start makes one")
ok(not [f for f in os.listdir(CACHE) if "lock" in f or f.startswith("new-")], "and nothing is left over", os.listdir(CACHE))

# What comes from an archive does not reach the terminal as it is.
r = run("--root", put("esc.tar", tar(program() + [entry("a\x1b[2J", b"1"), entry("a\x1b[2J/b", b"1")])))
ok(r.returncode == 125 and b"\x1b" not in r.stderr, "a name that would control the terminal", r.stderr)
done()
