#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# ring3 cp with a guest whose root has one program and no tar.
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rootlib import *

ref = put("root.tar", tar(program() + [directory("data"), entry("data/a", b"1" * 100000, mode=0o604, uid=33), link("data/l", "a")]))
p = subprocess.Popen([os.environ["RING3"], "run", "--net", "none", "--name", "cp", "--root", ref, "--", "/bin/show", "wait", "20"],
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def ring3(*args, **k):
    return subprocess.run([os.environ["RING3"], *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **k)


ok(wait_until(lambda: b"running" in ring3("ps").stdout, 20), "a guest runs")
r = ring3("cp", "cp:/data", path("out"))
same((r.returncode, r.stderr, open(path("out/a")).read(), os.readlink(path("out/l"))), (0, b"", "1" * 100000, "a"), "out of it")
same(oct(os.stat(path("out/a")).st_mode & 0o777), "0o604", "with its mode")
os.makedirs(path("in/sub"))
data = os.urandom(4_000_000)
put("in/sub/big", data)
before = time.monotonic()
r = ring3("cp", path("in") + "/.", "cp:data")
print("# 4 MB took %.2f s" % (time.monotonic() - before))
same((r.returncode, r.stderr), (0, b""), "into it; a path of the guest begins at its root")
r = ring3("exec", "cp", "--", "/bin/show", "tree", "/data")
t = {o["path"]: o for o in map(json.loads, r.stdout.decode().splitlines())}
same((t["/data/sub/big"]["size"], t["/data/sub/big"]["sum"], t["/data/sub/big"]["uid"]), (len(data), checksum(data), 0), "all of it, as root's")
r = ring3("cp", "cp:/data/sub/big", "-")
ok(data in r.stdout, "and on stdout")
r = ring3("cp", "cp:/data/none", path("x"))
same((r.returncode, r.stderr), (1, b"ring3: the guest cannot read /data/none: No such file or directory\n"), "what is not there")
p2 = subprocess.Popen([os.environ["RING3"], "cp", "cp:/dev/zero", path("zero")], stderr=subprocess.PIPE)
p2.wait(20)
ok(not os.path.exists(path("zero")), "a device is left out", p2.stderr.read())
ring3("stop", "--force", "cp")
p.wait()
r = ring3("cp", "cp:/data", path("y"))
same(r.returncode, 125, "a guest that has ended")
done()
