#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 600
# What cannot be a guest's network is refused in one sentence, before anything starts.
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *


def refused(args, *text, env=None, what=None):
    start = time.monotonic()
    r = run("run", "--timeout", "30", "--name", "refused", *args, "--", "echo", "started", env=env or os.environ, timeout=60)
    lines = r.stderr.decode(errors="replace").splitlines()
    ok(r.returncode == 125 and len(lines) == 1 and lines[0].startswith("ring3: ") and all(t in lines[0] for t in text)
       and not r.stdout and time.monotonic() - start < 20, what or " ".join(args), r)


# ---- words ----

refused(["--net", "bridge"], "--net bridge", "nat, none, tap:NAME")
refused(["--net", "nat:x"], "nat,host")
for kind, example in (("tap", "tap:tap0"), ("socket", "socket:/"), ("switch", "switch:lan"), ("fd", "fd:5")):
    refused(["--net", kind], example)
    refused(["--net", kind + ":"], example)
refused(["--net", "nat,speed=1"], "speed=1", "mac=")
refused(["--net", "none", "--net", "nat"], "exclude")
refused(["--net", "nat,mac=52:54:00:12:34"], "mac=52:54:00:12:34", "52:54:00:12:34:56")
refused(["--net", "nat,mac=53:54:00:12:34:56"], "even")
refused(["--net", "nat,mac=00:00:00:00:00:00"], "0")
refused(["--net", "nat,mac=52:54:00:12:34:56", "--net", "nat,mac=52:54:00:12:34:56"], "same MAC")
for mtu in ("0", "67", "65521", "many", "-1"):
    refused(["--net", f"nat,mtu={mtu}"], f"mtu={mtu}", "65520")
refused(["--net", "nat,mtu=576"], "1280")
refused(["--net", "nat,ip=10.0.0.1"], "10.0.0.1", "/24")
refused(["--net", "nat,ip=10.0.0.1/24"], ".15/24")
refused(["--net", "nat,ip=300.0.0.15/24"], "300.0.0.15")
refused(["--net", "nat,gw=10.0.2.1"], "gw=")
refused(["--net", "nat,dns=server"], "dns=server")
refused([f for i in range(9) for f in ("--net", "nat")], "8 times", what="nine cards")
refused(["--net", "nat," + "x" * 600], "511", what="a --net that is too long")

# ---- ports ----

for spec in ("80", "80:", ":80", "80:99999", "99999:80", "80:0", "a:80", "80:80/sctp", "1.2.3:80:80", "::1:80:80", "8000-8010:80", "8010-8000:80-90", "0-2:80-82"):
    refused(["-p", spec], f"--publish {spec}", "8080:80")
refused(["-p", "8080:80", "-p", "8080:81"], "same port")
refused(["-p", "8080:80", "--net", "none"], "--net nat")
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(1)
refused(["-p", f"127.0.0.1:{s.getsockname()[1]}:80"], str(s.getsockname()[1]), "in use", what="a port that is in use")
s.close()
refused(["-p", "203.0.113.77:8080:80"], "203.0.113.77", what="an address that this host does not have")

# ---- rules, files, rates ----

for rule in ("a b", "*.", "10.0.0.0/33", "x:99999", ",", "*x.org"):
    refused(["--egress", rule], rule.split(",")[0])
refused(["--egress", "all", "--net", "none"], "--net nat")
refused(["--egress", "a.org", "--net", "nat", "--net", "tap:tap9"], "way around", what="--egress beside a card that it does not bind")
refused(["--net-log", "/nowhere/log"], "/nowhere/log")
refused(["--net-rate", "fast"], "10M")
refused(["--net-rate", "10"], "1K")
refused(["--net-rate", "10M,0"], "1 to")

# ---- what is missing ----

refused(["--net", "fd:77"], "77", "descriptor")
refused(["--net", "socket:/nowhere/socket"], "/nowhere/socket")
refused(["--net", "passt:/nowhere/socket"], "/nowhere/socket")
refused(["--net", "socket:/" + "x" * 200], "107", what="a socket's path that is too long")
refused(["--net", "switch:nowhere"], "nowhere", "ring3 net")
refused(["--net", "tap:averyverylongname"], "15 characters")
path = os.path.join(TMP, "dead")
d = socket.socket(socket.AF_UNIX)
d.bind(path)
d.close()
refused(["--net", f"socket:{path}"], "nobody listens", what="a socket that nobody listens on")
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
d.bind(path + "2")
refused(["--net", f"socket:{path}2"], "stream", what="a socket of another kind")
d.close()
if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
    refused(["--net", "tap:tap9"], "/dev/net/tun", what="no tap device")
refused(["--net", "passt"], "package passt", env=dict(os.environ, PATH="/nowhere"), what="passt is not installed")

# ---- a back end that does not work ----

bin_ = os.path.join(TMP, "bin")
os.makedirs(bin_, exist_ok=True)
env = dict(os.environ, RING3_BIN=bin_)
refused(["--net", "nat"], "ring3-net", bin_, env=env, what="the back end is missing")
r = run("run", "--timeout", "30", "--", "echo", "started", env=env)
ok((r.returncode, r.stdout) == (0, b"started\n") and r.stderr.count(b"ring3: ") == 1 and b"has no network" in r.stderr and b"--net none" in r.stderr,
   "nobody asked for it: the guest starts without, and is told why", r)
for text, what, want in (("echo libslirp.so.0 is missing >&2; exit 127", "cannot be loaded", ("libslirp.so.0 is missing", "127", "--net none")),
                         ("exit 3", "ends at once", ("status 3", "--net none")), ("kill -9 $$", "is killed", ("signal 9",))):
    with open(os.path.join(bin_, "ring3-net"), "w") as f:
        f.write("#!/bin/sh\n" + text + "\n")
    os.chmod(f.name, 0o755)
    refused(["--net", "nat"], "ring3-net", *want, env=env, what=f"the back end {what}")
    refused(["--net", "nat", "-p", "0:80"], "ring3-net", *want, env=env, what=f"the back end {what}, with ports")
    r = run("run", "--timeout", "30", "--", "echo", "started", env=env)
    ok((r.returncode, r.stdout) == (0, b"started\n") and r.stderr.count(b"ring3: ") == 1, "nobody asked for it: the guest starts without", r)
with open(os.path.join(bin_, "ring3-net"), "w") as f:
    f.write("#!/usr/bin/env python3\nimport socket, time\ns = socket.socket(fileno=4)\n"
            "s.send(b'{\"event\":\"error\",\"message\":\"no, \\\\u001b[31mnever\"}')\ntime.sleep(5)\n")
refused(["--net", "nat"], "no, ?[31mnever", env=env, what="what it says is shown as text")
with open(os.path.join(bin_, "ring3-net"), "w") as f:
    f.write("#!/usr/bin/env python3\nimport socket\ns = socket.socket(fileno=4)\ns.setblocking(True)\n"
            "s.send(b'{\"event\":\"ready\"}')\nwhile True:\n    s.send(b'{\"event\":\"warning\",\"message\":\"' + b'x' * 1000 + b'\"}')\n")
r = run("run", "--timeout", "30", "--net", "nat", "--", "sleep", "2", env=env)
ok(r.returncode == 0 and b"more than anybody can read" in r.stderr and len(r.stderr) < 200000,
   f"one that says more than anybody can read is shown in part: {len(r.stderr)} bytes", r.returncode)
left = [f for f in files() if "refused" in os.path.basename(f)]
same(left, [], "nothing is left behind")
done()
