#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# A guest that outlives its terminal: start, log, end, what is left of it.
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machineslib import *


def kept():
    return sorted(os.listdir(MACHINES)) if os.path.exists(MACHINES) else []


def gone(name):
    return wait_until(lambda: info(name) is None)


# A command's life.
r = run("run", "-d", "--name", "a", "--net", "none", "--", "sh", "-c", "echo out; echo err >&2; cat; read x <&0; sleep 1; exit 5")
same((r.returncode, r.stdout, r.stderr), (0, b"a\n", b""), "run -d prints the name and nothing else")
g = info("a")
ok(g and g["state"] == "running" and g["background"] and g["command"][0] == "sh", "ps has it", g)
same(os.readlink(f"/proc/{g['pid']}/fd/0"), "/dev/null", "it holds none of the caller's descriptors")
same(os.getsid(g["pid"]), g["pid"], "it is in a session of its own")
r = run("run", "-d", "--name", "a")
ok(r.returncode == 125 and b"a guest called a is running already" in r.stderr and b"ring3 stop a" in r.stderr, "a second of that name is refused", r)
r = run("rm", "a")
ok(r.returncode == 1 and b"the guest a is running; stop it first" in r.stderr, "and it cannot be removed", r)
same(run("wait", "--timeout", "0.2", "a").returncode, 124, "wait --timeout ends with 124")
same(run("wait", "a").returncode, 5, "wait has the command's exit status")
same(run("wait", "a").returncode, 5, "after its end, too")
ok(gone("a"), "ps has it no more")
r = run("logs", "a")
ok(r.stdout.endswith(b"out\n") and b"fake kernel" in r.stdout and r.stderr == b"err\n", "its log has command and console", r)
same(run("logs", "-o", "a").stdout, b"out\n", "logs --output: the command alone")
same(run("logs", "-c", "a").stdout.splitlines()[-1][-11:], b"fake kernel", "logs --console: the console alone")
same(run("logs", "--tail", "1", "a").stdout + run("logs", "--tail", "1", "a").stderr, b"err\n", "logs --tail")
same(run("logs", "--tail", "0", "a").stdout, b"", "no line of it")
ok(run("logs", "-o", "-t", "a").stdout.split()[0].startswith(b"20"), "logs --timestamps", run("logs", "-o", "-t", "a").stdout)
start("a", command=["true"])
same(run("wait", "a").returncode, 0, "the name may be used again")
same(run("logs", "-o", "a").stdout, b"", "with a log of its own")
same(run("rm", "a").returncode, 0, "rm")
same(kept(), [], "leaves nothing")
r = run("rm", "a")
ok(r.returncode == 1 and b"nothing is kept of a machine called a" in r.stderr, "what is not there cannot be removed", r)
r = run("wait", "a")
ok(r.returncode == 1 and b"nothing is kept" in r.stderr, "or waited for", r)
same(run("logs", "../a").returncode, 1, "a name is not a path")

# It keeps nothing open for its caller.
ours, theirs = os.pipe()
p = spawn("run", "-d", "--name", "p", pass_fds=[theirs], stdout=subprocess.DEVNULL)
os.close(theirs)
same(p.wait(20), 0, "a caller with a pipe")
same(os.read(ours, 1), b"", "sees its end, while the guest lives on")
ok(info("p"), "as it does")
same(run("kill", "p").returncode, 0, "until it is killed")
run("rm", "p")

# Without a command.
r = run("run", "-d")
name = r.stdout.decode().strip()
ok(r.returncode == 0 and info(name), "without a name it is given one", r)
same(run("exec", name, "--", "echo", "yes").stdout, b"yes\n", "exec, in a guest without a command")
waiting = [spawn("wait", name) for _ in range(3)]
time.sleep(0.3)
same(run("stop", name).returncode, 0, "stop")
same([w.wait(20) for w in waiting], [0, 0, 0], "all that wait have its status")
same(run("rm", name).returncode, 0, "rm")

# What cannot start says why, with the exit status of `run`, and leaves nothing.
for options, status, why in (
        (("--append", "fake.panic"), 121, b"the guest kernel panicked"), (("--append", "fake.host"), 122, b"the fake host failed"),
        (("--append", "fake.config"), 125, b"cannot be configured"), (("--append", "fake.crash"), 122, b"killed by signal 11"),
        (("--append", "fake.garbage"), 123, b"agent protocol error"), (("--append", "fake.hang", "--timeout", "1"), 124, b""),
        (("--root", "/nowhere"), 125, b"/nowhere"), (("--", "/nowhere"), 127, b"/nowhere"), (("word",), 125, b"unexpected word"),
        (("--rootfstype", ""), 125, b"needs a value")):
    r = run("run", "-d", "--name", "b", *options)
    ok(r.returncode == status and why in r.stderr and not r.stdout, f"{' '.join(options)}: {status}", r)
same((kept(), run("ps", "-q").stdout), ([], b""), "nothing is left of those")
blocked = os.path.join(TMP, "file")
open(blocked, "w").close()
for env, why in (({"XDG_DATA_HOME": blocked}, b"Not a directory"), ({"XDG_DATA_HOME": "", "HOME": ""}, b"no place")):
    r = run("run", "-d", "--name", "b", env=dict(os.environ, **env))
    ok(r.returncode == 125 and why in r.stderr and b"XDG_DATA_HOME" in r.stderr and r.stderr.count(b"\n") == 1, "no place for its folder: one sentence", r)
same(run("run", "--rm", "--", "true").returncode, 125, "--rm is for guests in the background")
start("c", "--rm", command=["sh", "-c", "sleep 1; exit 3"])
same(run("wait", "c").returncode, 3, "--rm: wait has the status")
ok(wait_until(lambda: kept() == []), "and nothing is kept")

# Who starts it wants it no more.
for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
    p = spawn("run", "-d", "--name", "d", "--append", "fake.hang", stdout=subprocess.DEVNULL)
    ok(wait_until(lambda: info("d")), f"{sig.name}: it is starting")
    p.send_signal(sig)
    same(p.wait(10), -9 if sig == signal.SIGKILL else 128 + sig, f"{sig.name}: the exit status")
    ok(gone("d") and wait_until(lambda: kept() == []), f"{sig.name}: it is gone")

# Ten start under one name.
many = [spawn("run", "-d", "--name", "e", stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(10)]
ends = [(p.wait(30), p.communicate()) for p in many]
same(sorted(status for status, _ in ends), [0] + [125] * 9, "of ten with one name one starts")
ok(all(b"is running already" in err for status, (_, err) in ends if status), "the others say why", ends)
same(run("exec", "e", "--", "echo", "yes").stdout, b"yes\n", "and it is whole")

# Its process is killed.
heard = spawn("events", "e", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
time.sleep(0.5)
pid = info("e")["pid"]
os.kill(pid, signal.SIGKILL)
wait_until(lambda: not os.path.lexists(f"/proc/{pid}/fd/0"))
same(json.loads(run("ps", "-a", "--json").stdout)["state"], "killed", "ps -a says so at once")
r = run("wait", "e")
ok(r.returncode == 122 and b"was killed" in r.stderr, "wait: 122 when the guest's process was killed", r)
out, err = heard.communicate(timeout=20)
ok(heard.returncode == 1 and not out and b"e: its process was killed" in err, "events: 1, and why", heard.returncode, out, err)
start("e")
heard = spawn("events", "e", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
time.sleep(0.5)
same(run("stop", "e").returncode, 0, "the name is free at once")
out, err = heard.communicate(timeout=20)
ok(heard.returncode == 0 and b'"exit"' in out and not err, "events: 0 when it was told of the end", heard.returncode, out, err)

# A log has an end, whatever the guest writes, and whoever reads it.
start("n", "--append", "fake.noise")
follow = spawn("logs", "-f", "n", stdout=subprocess.PIPE)
lazy = spawn("logs", "-f", "n", stdout=subprocess.PIPE)
seen, end = 0, time.monotonic() + 3
while time.monotonic() < end:
    seen += len(os.read(follow.stdout.fileno(), 1 << 16))
folder = os.path.join(MACHINES, "n")
sizes = {f: os.stat(os.path.join(folder, f)).st_size for f in os.listdir(folder) if os.path.exists(os.path.join(folder, f))}
ok(seen > 8 << 20 and sum(sizes.values()) <= 2 << 20, "a guest that writes without end has two mebibytes of the disk", seen, sizes)
same(run("exec", "n", "--", "echo", "yes").stdout, b"yes\n", "and is served meanwhile")
follow.stdout.close()
same(follow.wait(10) in (1, -13), True, "logs -f ends when nobody reads it")
p = subprocess.run(f"{FAKE} logs n | head -c 10", shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
same((len(p.stdout), p.stderr), (10, b""), "a broken pipe is none of its business")
same(run("stop", "n").returncode, 0, "it stops")
lazy.stdout.read()
same(lazy.wait(10), 0, "logs -f ends with the guest")
done()
