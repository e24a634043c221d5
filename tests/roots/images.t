#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# A container image as a machine: layers, whiteouts, and how its program is started.
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rootlib import *

passwd = entry("etc/passwd", b"root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n")
group = entry("etc/group", b"root:x:0:\nwheel:x:77:app\n")
base = tar(program() + [
    passwd, group, entry("gone", b"1"), entry("kept", b"1"), entry("replaced", b"1" * 100000),
    directory("dir", 0o700), entry("dir/a", b"1"), entry("dir/b", b"1"), directory("old"), entry("old/x", b"1"), entry("old/y/z", b"1"),
    directory("part"), entry("part/low", b"1"), entry("wasdir/x", b"1"), entry("wasfile", b"1"), entry("twice", b"1"),
    link("lib", "usr/lib"), directory("usr/lib"), entry("usr/lib/low", b"1")])
top = tar([
    entry(".wh.gone"), entry("dir/.wh.a"), entry("dir/c", b"2"), directory("dir", 0o755, uid=5), entry("replaced", b"22"),
    # The opaque mark is for what is below, wherever in the layer it stands.
    entry("old/new", b"2"), entry("old/.wh..wh..opq"), entry("old/newer", b"2"), entry("part/.wh.low"), entry("part/top", b"2"),
    entry("wasdir", b"2"), directory("wasfile"), entry("wasfile/in", b"2"), entry("hard", type=tarfile.LNKTYPE, linkname="kept"),
    entry(".wh.twice"), entry("lib/top", b"2"), entry(".wh.notthere"), entry(".wh..wh.plnk", b"aufs")])
last = tar([entry("twice", b"3"), entry("dir/.wh.b")])
layers = [base, top, last]
oci = Layout("image")
ref = oci.add(layers, User="app", Env=["PATH=/bin:/opt", "FOO=bar", "EMPTY="], WorkingDir="/made/here",
              Entrypoint=["/bin/show", "entry"], Cmd=["cmd", "two"])
t = tree("--root", ref)


def gone(p):
    ok(p not in t, p + " is gone")


def size(p, n):
    same(t.get(p, {}).get("size"), n, p)


for p in ("/gone", "/dir/a", "/dir/b", "/old/x", "/old/y", "/part/low", "/wasdir/x", "/.wh.gone", "/old/.wh..wh..opq", "/.wh..wh.plnk"):
    gone(p)
for p, n in (("/kept", 1), ("/replaced", 2), ("/dir/c", 1), ("/old/new", 1), ("/old/newer", 1), ("/part/top", 1), ("/wasdir", 1),
             ("/wasfile/in", 1), ("/twice", 1), ("/hard", 1), ("/usr/lib/top", 1), ("/usr/lib/low", 1)):
    size(p, n)
same(t["/hard"]["ino"], t["/kept"]["ino"], "a hard link to a file of a layer below")
same((t["/dir"]["mode"] & 0o777, t["/dir"]["uid"]), (0o755, 5), "a directory has the attributes of the last layer that names it")
same(t["/lib"].get("target"), "usr/lib", "a link to a directory stays one when a layer writes through it")

# How it is started.
s = start("--root", ref)
same(s["as"], "uid 1000 gid 1001 cwd /made/here", "user, group and directory are the image's")
same(s["args"], ["/bin/show", "entry", "cmd", "two"], "entrypoint and command")
same({k: s["env"].get(k) for k in ("PATH", "FOO", "EMPTY", "HOME", "USER")},
     {"PATH": "/bin:/opt", "FOO": "bar", "EMPTY": "", "HOME": "/home/app", "USER": "app"}, "variables")
same(start("--root", ref, "--", "mine")["args"], ["/bin/show", "entry", "mine"], "a command takes the place of the image's")
same(start("--root", ref, "--entrypoint", "/bin/show", "--", "x")["args"], ["/bin/show", "x"], "--entrypoint takes the place of both")
same(start("--root", ref, "--entrypoint", "/bin/show")["args"], ["/bin/show"], "and alone, too")
same(start("--root", ref, "--entrypoint", "", "--", "show", "y")["args"], ["show", "y"], "an empty one: only the command")
s = start("--root", ref, "--user", "7:8", "--cwd", "/old", "-e", "FOO=mine", "-e", "NEW=1")
same(s["as"], "uid 7 gid 8 cwd /old", "options win: user and directory")
same((s["env"].get("FOO"), s["env"].get("NEW"), s["env"].get("PATH")), ("mine", "1", "/bin:/opt"), "and variables")

for user, want in (("0", "uid 0 gid 0"), ("app:wheel", "uid 1000 gid 77"), ("1000", "uid 1000 gid 1001"), ("55", "uid 55 gid 0"),
                   ("55:66", "uid 55 gid 66"), ("root", "uid 0 gid 0")):
    s = start("--root", Layout("user" + user.replace(":", "-")).add([base], User=user, Entrypoint=["/bin/show"]))
    ok((s["as"] or "").startswith(want + " "), f"USER {user}: {want}", s["as"])
r = run("--root", Layout("nouser").add([base], User="nobody", Entrypoint=["/bin/show"]))
ok(r.returncode == 125 and b"user nobody, which its /etc/passwd does not have; give --user" in r.stderr, "a user that is not there", r.stderr)
s = start("--root", "oci:" + path("nouser"), "--user", "3")
ok((s["as"] or "").startswith("uid 3 gid 3"), "with --user it starts", s["as"])

# Several tags, platforms, nested indexes.
many = Layout("many")
one, two = many.add([base], tag="one", Cmd=["/bin/show", "1"]), many.add([base], tag="x/two:2.0", Cmd=["/bin/show", "2"])
same(start("--root", two + ":one")["args"], ["/bin/show", "1"], "a tag")
same(start("--root", two + ":x/two:2.0")["args"], ["/bin/show", "2"], "one with a slash and a colon")
same(start("--root", two + ":2.0")["args"], ["/bin/show", "2"], "the last part of it")
multi = Layout("multi")
platforms = [multi.manifest([base], config([base], arch=a, Cmd=["/bin/show", a]), platform={"os": "linux", "architecture": a})
             for a in ("arm64", "amd64", "s390x")]
nested = multi.json({"schemaVersion": 2, "manifests": platforms}, "index.v1+json")
nested["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
for where in (multi.index(*platforms), multi.index(nested), multi.index(nested) + ":latest"):
    same(start("--root", where)["args"], ["/bin/show", "amd64"], "linux/amd64 of several platforms")

# Layers packed otherwise, and docker's own media types.
other = Layout("other")
packed = [other.layer(base, lambda d: d, ""), other.layer(top)]
packed[1]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
if subprocess.run(["sh", "-c", "command -v zstd"], stdout=subprocess.DEVNULL).returncode == 0:
    packed.append(other.layer(last, lambda d: subprocess.run(["zstd", "-qc"], input=d, stdout=subprocess.PIPE, check=True).stdout, "+zstd"))
else:
    packed.append(other.layer(last))
m = other.manifest(layers, config(layers, Cmd=["/bin/show", "packed"]), packed=packed)
same(start("--root", other.index(m))["args"], ["/bin/show", "packed"], "layers that are not packed, or by zstd")

# docker save
cfg = config(layers, Cmd=["/bin/show", "docker"], User="app")
second = config([base, base], Cmd=["/bin/show", "second"])
d = docker([(layers, cfg, ["x.example:5000/a/b:1.0"])])
put("saved.tar", d)
put("saved.tar.gz", gzip.compress(d))
put("both.tar", docker([(layers, cfg, ["a:1"]), ([base, base], second, ["b:2", "c:3"])]))
for r in ("saved.tar", "saved.tar:1.0", "saved.tar:x.example:5000/a/b:1.0", "saved.tar.gz", "both.tar:a:1"):
    s = start("--root", "docker-archive:" + path(r))
    same(s["args"], ["/bin/show", "docker"], "docker-archive:" + r)
same(start("--root", "docker-archive:" + path("both.tar") + ":c:3")["args"], ["/bin/show", "second"], "a layer that is a link to another")
ok("/gone" not in tree("--root", "docker-archive:" + path("saved.tar")), "its layers have whiteouts")

# Kept by digest.
before = cached()
same(start("--root", ref)["args"], ["/bin/show", "entry", "cmd", "two"], "the second start")
same(cached(), before, "makes nothing new")
ok(not [f for f in os.listdir(CACHE) if "lock" in f or f.startswith("new-")], "and nothing is left but what is complete")
r = subprocess.run([os.environ["RING3"], "roots"], stdout=subprocess.PIPE)
same(len(r.stdout.splitlines()), len(before) + 1, "ring3 roots lists them")
first = before[0][2:66]
r = subprocess.run([os.environ["RING3"], "roots", "--remove", first[:12]], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
ok(r.returncode == 0 and first not in " ".join(os.listdir(CACHE)), "ring3 roots --remove", r.stderr)
p = subprocess.Popen([os.environ["RING3"], "run", "--net", "none", "--root", ref, "--entrypoint", "/bin/show", "--", "wait", "3"],
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def roots():
    return [json.loads(l)["root"] for l in subprocess.run([os.environ["RING3"], "ps", "--json"], stdout=subprocess.PIPE).stdout.splitlines()]


wait_until(roots)
same(roots(), [ref], "ring3 ps has the name that was given")
r = subprocess.run([os.environ["RING3"], "roots", "--prune"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
same((r.returncode, cached()), (0, []), "ring3 roots --prune removes all")
out = p.communicate(timeout=30)[0]
ok(p.returncode == 0 and b"arg wait" in out, "a guest that runs from one goes on")

# Two at once make one.
procs = [subprocess.Popen([os.environ["RING3"], "run", "--net", "none", "--root", ref], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) for _ in range(3)]
ok(all(b"arg entry" in q.communicate(timeout=60)[0] for q in procs), "three at once")
same(len(cached()), 1, "make one disk")
done()
