#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# libring3's Python bindings with a guest, and examples/sandbox: a program that nobody trusts.
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

REPO = os.environ["REPO"]
os.environ["RING3_PROGRAM"] = RING3
os.environ["RING3_LIBRARY"] = os.path.join(os.environ["BUILD"], "lib", "libring3.so.0")
os.environ["PYTHONPATH"] = os.path.join(REPO, "lib", "python")
sys.path.insert(0, os.environ["PYTHONPATH"])
import ring3


def fails(kind, what, call, *words):
    try:
        ok(False, what, call())
    except ring3.Error as e:
        ok(type(e) is kind and all(w in str(e) for w in words), what, type(e), e)


same(ring3.machines(), [], "no machine runs")
fails(ring3.NotStarted, "one that cannot start says why", lambda: ring3.start("--mem", "12Q"), "12Q")
os.environ["RING3_PROGRAM"] = "/no/such"
fails(ring3.NotRunning, "without the program", lambda: ring3.start(), "/no/such")
os.environ["RING3_PROGRAM"] = RING3
fails(ring3.Timeout, "one that is not ready in time", lambda: ring3.start("--name", "late", timeout=0.01))
ok(wait_until(lambda: ring3.machines() == []), "leaves nothing", ring3.machines())

with ring3.start("--name", "a", "--mem", "256M", "--net", "none", timeout=60) as m:
    same((m.name, ring3.machines(), m.info()["mem"]), ("a", ["a"], 256 << 20), "a machine starts")
    same(m.run(["sh", "-c", "cat; echo $X >&2; exit 5"], input=b"hello", env={"X": "y"}, timeout=30), (5, b"hello", b"y\n"), "a command")
    fails(ring3.NotStarted, "one that is not there", lambda: m.run(["/no/such"], timeout=30), "/no/such")
    try:
        m.run(["sh", "-c", "echo some; sleep 100"], timeout=1)
    except ring3.Timeout as e:
        same(e.result.stdout, b"some\n", "one that is late has what it said")
    fails(ring3.TooMuch, "one that says too much", lambda: m.run(["yes"], timeout=30, max_output=1000))
    big = os.urandom(3 << 20)
    same(m.run(["cat"], input=big, timeout=60, max_output=len(big)).stdout == big, True, "3 MiB in and out")
    same(m.run(["true"], input=big, timeout=30).status, 0, "one that reads nothing of them")
    got = []
    threads = [threading.Thread(target=lambda i=i: got.append(m.run(["sh", "-c", f"sleep 0.2; echo {i}"], timeout=60).out)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    same(sorted(got), [f"{i}\n" for i in range(8)], "eight threads, one machine")
    with m.exec(["sh", "-c", "read x; echo got $x"]) as c:
        c.write(b"word\n", timeout=30)
        same((c.read(timeout=30), c.read(timeout=30), c.wait(10)), ((1, b"got word\n"), (0, b""), 0), "streams")
    folder = os.path.join(TMP, "folder")
    os.makedirs(folder + "/sub")
    with open(folder + "/sub/f", "w") as f:
        f.write("inside")
    m.copy_in(folder, "/tmp/folder", timeout=30)
    m.run(["sh", "-c", "cd /tmp/folder; ln -s /etc/passwd link; echo more >> sub/f"], timeout=30)
    m.copy_out("/tmp/folder", os.path.join(TMP, "back"), timeout=30)
    with open(os.path.join(TMP, "back", "sub", "f")) as f:
        same((f.read(), os.readlink(os.path.join(TMP, "back", "link"))), ("insidemore\n", "/etc/passwd"), "a folder goes in and comes out")
    fails(ring3.Error, "what is not there is not copied", lambda: m.copy_in("/no/such", "/tmp/x", timeout=30), "/no/such")
    m.put("/tmp/f", b"data", mode=0o600)
    same(m.get("/tmp/f"), b"data", "a file as bytes")
    fails(ring3.TooMuch, "not if it is too large", lambda: m.get("/tmp/f", max_size=3))
    disk = os.path.join(TMP, "disk")
    with open(disk, "wb") as f:
        f.truncate(8 << 20)
    name, dev = m.attach("disk", disk)
    same(m.run(["cat", f"/sys/block/{dev}/size"], timeout=30).out, f"{(8 << 20) // 512}\n", "a disk is attached")
    m.detach(name)
    fails(ring3.Error, "and gone", lambda: m.detach(name), name)
    with ring3.open("a") as again:
        same(again.stats()["mem"], 256 << 20, "statistics, by another handle")
    same(ring3.machines(), ["a"], "which leaves it running")
    held = m.exec(["sleep", "100"])
    seen = m.events(timeout=30)
    run("stop", "--force", "a")
    fails(ring3.NotRunning, "it dies beneath a command", lambda: held.wait(30))
    same(next(seen)["event"], "exit", "its events tell")
    fails(ring3.NotRunning, "and beneath its handle", m.info)
    held.close()
    try:
        held.wait()
    except ValueError:
        ok(True, "what was closed is of no use")
    n = len(os.listdir("/proc/self/fd"))
    seen = None
    ok(len(os.listdir("/proc/self/fd")) < n, "events that nobody wants are let go")
    r = run("run", "-d", "--name", "a", "--mem", "128M", "--net", "none")
    fails(ring3.NotRunning, "another one of its name is not taken for it", m.info, "another")
    run("stop", "--force", "a")

# A program that nobody trusts.
def sandbox(text, *words, **kw):
    path = os.path.join(TMP, "program.py")
    with open(path, "w") as f:
        f.write(text)
    return subprocess.run([sys.executable, os.path.join(REPO, "examples", "sandbox", "sandbox"), path, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd=TMP, timeout=100, **kw)


r = sandbox("import os, sys\nprint(sys.argv[1], os.getuid(), os.listdir('/sys/class/net'))\nopen('result', 'w').write('42')\nsys.exit(3)", "word")
with open(os.path.join(TMP, "result")) as f:
    same((r.returncode, r.stdout, f.read()), (3, "word 65534 ['lo']\n", "42"), "the sandbox: a program, its words, no network, its result")
r = sandbox("while True: pass")
ok(r.returncode == 1 and "in time" in r.stderr and r.stderr.count("\n") == 1, "one without an end", r)
r = sandbox("while True: print('x' * 1000)")
ok(r.returncode == 1 and "killed" in r.stderr, "one that floods", r.returncode, r.stderr)
r = sandbox("x = [bytearray(1 << 20) for i in range(1 << 20)]")
ok(r.returncode != 0, "one that takes all memory", r.returncode, r.stderr)
ok(wait_until(lambda: ring3.machines() == []), "nothing is left of them", ring3.machines())
done()
