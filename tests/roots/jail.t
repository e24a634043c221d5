#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# What is left to a ring3-unpack that an archive has taken over: the files that it
# was given, and the one socket.
import os
import re
import socket
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rootlib import *

REPO = os.environ.get("REPO", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
own = put("own", b"secret")
server = socket.create_server(("127.0.0.1", 0))
victim = subprocess.Popen(["sleep", "60"])
r = subprocess.run([os.path.join(BUILD, "tests/roots/unpackjail"), str(victim.pid), own, str(server.getsockname()[1])],
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
tries = dict(l.split(": ") for l in r.stdout.splitlines())
ok(len(tries) >= 29, f"{len(tries)} tries", r.stderr)
for what, result in tries.items():
    if what == "read what was given":
        same(result, "reached", what)
    else:
        ok(result != "reached", f"{what}: {result}")
ok(open(own).read() == "secret" and os.stat(own).st_mode & 0o777 != 0o777, "the file is as it was")
same(victim.poll(), None, "the victim is alive")
victim.kill()
victim.wait()

# The same for ring3-copy, with a directory. Files outside of it are Landlock's matter.
os.makedirs(path("below"))
victim = subprocess.Popen(["sleep", "60"])
doctor = subprocess.run([os.environ["RING3"], "doctor"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
landlock = not re.search(r"(?m)^(note|BAD).*Landlock for files", doctor)
r = subprocess.run([os.path.join(BUILD, "tests/roots/unpackjail"), str(victim.pid), own, str(server.getsockname()[1]), path("below")],
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
tries = dict(l.split(": ") for l in r.stdout.splitlines())
ok(len(tries) >= 40, f"ring3-copy: {len(tries)} tries", r.stderr)
for what, result in tries.items():
    if what.endswith("below"):
        same(result, "reached", "ring3-copy: " + what)
    elif not landlock and re.search("outside|above", what):
        skip("ring3-copy: " + what, "host: no Landlock")
    else:
        ok(result != "reached", f"ring3-copy: {what}: {result}")
ok(os.path.exists(own) and not os.path.lexists("/tmp/ring3-unpackjail"), "nothing outside was changed")
victim.kill()
victim.wait()

# Each entry of the list names where the call is made.
policy = subprocess.run([os.path.join(REPO, "monitor/jail/policy"), "--header", os.devnull, os.path.join(REPO, "unpack/jail.table")])
same(policy.returncode, 0, "the table is one")
missing = []
for place in re.findall(r"\[(.*)\]", open(os.path.join(REPO, "unpack/jail.table")).read()):
    for p in place.split():
        file, name = p.split(":")
        if "/" in file and name not in open(os.path.join(REPO, file)).read():
            missing.append(p)
same(missing, [], "calls are where the table says")

# The walls are there when it reads an archive: its own status says so.
big = put("big.tar", tar(program() + [entry("big%d" % i, os.urandom(1 << 20) * 40) for i in range(5)]))
p = subprocess.Popen([os.environ["RING3"], "run", "--net", "none", "--root", big, "--", "/bin/show"], stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def unpacker():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            status = open(f"/proc/{pid}/status").read()
            if "Name:\tring3-unpack" in status and f"PPid:\t{p.pid}\n" in status and "Seccomp:\t2" in status:
                return status, sorted(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            pass


found = wait_until(unpacker)
ok(found, "it has a list of system calls")
if found:
    ok("NoNewPrivs:\t1" in found[0] and "CapEff:\t0000000000000000" in found[0] and "CapBnd:\t0000000000000000" in found[0], "no rights, and none to gain")
    ok(set(found[1]) <= {"0", "1", "2", "3", "4", "5", "6"}, "descriptors: its streams, socket, archive, and two files to write", found[1])
p.wait()
same(p.returncode, 0, "and it works in there")
done()
