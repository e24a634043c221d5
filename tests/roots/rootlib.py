# SPDX-License-Identifier: GPL-2.0-or-later
"""Archives and images of the tests' own, and guests that are started from them."""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

BUILD = os.environ["BUILD"]
SHOW = open(os.path.join(BUILD, "tests/roots/show"), "rb").read()
WHERE = tempfile.mkdtemp(dir=TMP)
os.environ["XDG_CACHE_HOME"] = os.path.join(WHERE, "cache")
CACHE = os.path.join(WHERE, "cache/ring3/roots")
for var in ("http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
    os.environ.pop(var, None)


def path(name):
    return os.path.join(WHERE, name)


def entry(name, data=b"", **k):
    i = tarfile.TarInfo(name)
    i.size = len(data)
    i.mode = k.pop("mode", 0o644)
    i.mtime = k.pop("mtime", 1700000000)
    for key, value in k.items():
        setattr(i, key, value)
    return i, data


def directory(name, mode=0o755, **k):
    return entry(name, type=tarfile.DIRTYPE, mode=mode, **k)


def link(name, target, hard=False, **k):
    return entry(name, type=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target, **k)


def program():
    return [entry("bin/show", SHOW, mode=0o755)]


def tar(entries, fmt=tarfile.PAX_FORMAT):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w", format=fmt) as t:
        for i, data in entries:
            t.addfile(i, io.BytesIO(data))
    return b.getvalue()


def put(name, data):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "wb") as f:
        f.write(data)
    return path(name)


def old(name):
    """So old that what it holds may be remembered: a change of it would change its times."""
    import time as t
    t.sleep(max(0, os.stat(name).st_ctime + 2.1 - t.time()))


def sha(data):
    return hashlib.sha256(data).hexdigest()


def config(layers, arch="amd64", **k):
    return {"architecture": arch, "os": "linux", "config": k,
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(l) for l in layers]}}


class Layout:
    """An OCI layout. What is wrong in it, a test puts there."""

    def __init__(self, name):
        self.dir = path(name)
        self.manifests = []
        os.makedirs(os.path.join(self.dir, "blobs/sha256"))
        self.write("oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())

    def write(self, name, data):
        with open(os.path.join(self.dir, name), "wb") as f:
            f.write(data)

    def blob(self, data, kind=None):
        self.write("blobs/sha256/" + sha(data), data)
        d = {"digest": "sha256:" + sha(data), "size": len(data)}
        return dict(d, mediaType="application/vnd.oci.image." + kind) if kind else d

    def json(self, o, kind):
        return self.blob(json.dumps(o).encode(), kind)

    def layer(self, data, pack=gzip.compress, suffix="+gzip"):
        return self.blob(pack(data), "layer.v1.tar" + suffix)

    def manifest(self, layers, cfg, tag=None, packed=None, **k):
        m = {"schemaVersion": 2, "config": self.json(cfg, "config.v1+json"), "layers": packed or [self.layer(l) for l in layers]}
        d = self.json(m, "manifest.v1+json")
        if tag:
            d["annotations"] = {"org.opencontainers.image.ref.name": tag}
        d.update(k)
        return d

    def index(self, *manifests):
        self.write("index.json", json.dumps({"schemaVersion": 2, "manifests": list(manifests)}).encode())
        return "oci:" + self.dir

    def add(self, layers, tag="latest", **k):
        self.manifests.append(self.manifest(layers, config(layers, **k), tag))
        return self.index(*self.manifests)


def docker(images):
    """[(layers, config, tags)] as docker save has them."""
    out, seen, manifest = [], {}, []
    for layers, cfg, tags in images:
        c = json.dumps(cfg).encode()
        names = []
        for l in layers:
            name = sha(l)[:20] + "/layer.tar"
            if name in seen:
                other = "again%d/layer.tar" % len(out)
                out.append(link(other, "../" + name))
                name = other
            else:
                out.append(entry(name, l))
                seen[name] = 1
            names.append(name)
        out.append(entry(sha(c) + ".json", c))
        manifest.append({"Config": sha(c) + ".json", "RepoTags": tags, "Layers": names})
    return tar(out + [entry("manifest.json", json.dumps(manifest).encode())])


def run(*args, **k):
    k.setdefault("timeout", 60)
    return subprocess.run([os.environ["RING3"], "run", "--net", "none", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **k)


def start(*args, **k):
    """How the program saw its start: uid, gid, cwd, arguments, variables."""
    r = run(*args, **k)
    lines = r.stdout.decode().splitlines()
    if r.returncode or not lines:
        print("# status %d: %s" % (r.returncode, r.stderr.decode().strip()))
        return {"args": None, "env": {}, "as": None}
    return {"as": lines[0], "args": [l[4:] for l in lines if l.startswith("arg ")],
            "env": dict(l[4:].split("=", 1) for l in lines if l.startswith("env "))}


def tree(*args):
    r = run(*args, "--entrypoint", "/bin/show", "--user", "0", "--", "tree")
    if r.returncode:
        print("# status %d: %s" % (r.returncode, r.stderr.decode().strip()))
    return {o["path"]: o for o in map(json.loads, r.stdout.decode().splitlines())}


def checksum(data):
    s = 1
    for b in data:
        s = (s * 31 + b) & 0xffffffff
    return s


def cached(suffix=".img"):
    return sorted(f for f in os.listdir(CACHE) if f.endswith(suffix)) if os.path.isdir(CACHE) else []
