#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# Machines that are defined and kept: create, start, restart, --restart, rename, kill, ps -a, systemd.
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machineslib import *


def listed(name):
    for line in run("ps", "-a", "--json").stdout.decode().splitlines():
        if json.loads(line)["name"] == name:
            return json.loads(line)
    return None


def said(name):
    return run("logs", name).stderr.decode()


# Defined.
AWKWARD = ["--env", "A=one two", "--", "sh", "-c", "echo \"$A|$1\" | cat; pwd >&2", "sh", " '\"$x\\ *"]
r = run("create", "--name", "a", *AWKWARD)
same((r.returncode, r.stdout, r.stderr), (0, b"a\n", b""), "create")
ok(listed("a")["state"] == "created" and b"created" in run("ps", "-a").stdout and not run("ps", "-q").stdout, "ps -a has it, ps has not")
same(run("ps", "-a", "-q").stdout, b"a\n", "ps -aq")
r = run("create", "--name", "a")
ok(r.returncode == 125 and b"there is a machine called a already; remove it first: ring3 rm a" in r.stderr, "a second one is refused", r)
r = run("run", "-d", "--name", "a")
ok(r.returncode == 125 and b"ring3 start a" in r.stderr, "run -d, too", r)
same(listed("a")["state"], "created", "and it is as it was")
for i in range(2):
    same(run("start", "a", cwd="/").stdout, b"a\n", "start")
    same(run("wait", "a").returncode, 0, "it runs")
same(run("logs", "-o", "a").stdout, b"one two| '\"$x\\ *\n" * 2, "with its words as they were; its log goes on")
same(listed("a")["state"], "ended", "it is kept")
for args, status, why in (
        (["create"], 125, "needs a name"), (["create", "--name", "x", "--mem", "none"], 125, "--mem none"),
        (["create", "--name", "x", "--rm"], 125, "exclude each other"), (["create", "--name", "-x"], 125, "name"),
        (["create", "--name", "x", "--restart", "maybe"], 125, "no, always, on-failure or on-failure:N"),
        (["create", "--name", "x", "--restart", "on-failure:0"], 125, "on-failure"),
        (["run", "--restart", "always"], 125, "--restart is for"), (["start"], 125, "which machine"),
        (["start", "x"], 125, "nothing is kept of a machine called x"), (["restart", "x"], 1, "no guest in the background is called x"),
        (["rename", "a"], 125, "which machine"), (["rename", "x", "y"], 1, "nothing is kept"), (["rename", "a", "/"], 1, "not a name"),
        (["kill", "x"], 1, "no guest called x is running"), (["kill", "-s", "NO", "x"], 125, "there is no such signal"),
        (["systemd", "x"], 1, "nothing is kept"), (["rm"], 125, "which machine")):
    r = run(*args)
    ok(r.returncode == status and why in r.stderr.decode(), f"{' '.join(args)}: {status}", r)
same(run("ps", "-a", "-q").stdout, b"a\n", "nothing is left of those")

# A start that fails leaves the machine.
run("create", "--name", "p", "--append", "fake.panic")
same(run("start", "p").returncode, 121, "start has the status of run")
same((listed("p")["state"], listed("p")["status"]), ("ended", 121), "and it is kept")
run("rm", "p")

# What run -d started may be started again.
start("t", command=["sleep", "60"])
same(run("kill", "--signal", "term", "t").returncode, 0, "kill --signal")
same(run("wait", "t").returncode, 143, "is the command's")
same(run("start", "t").returncode, 0, "start, of a guest of run -d")
pid = info("t")["pid"]
same(run("restart", "t").stdout, b"t\n", "restart")
ok(info("t")["pid"] != pid and info("t")["state"] == "running", "is another one")
r = run("kill", "-s", "KILL", "a")
ok(r.returncode == 1 and b"no guest called a" in r.stderr, "a signal for one that does not run", r)
same(run("kill", "t").returncode, 0, "kill")
same(run("wait", "t").returncode, 120, "ends the guest before its command")
same(run("restart", "t").returncode, 0, "restart starts what does not run")
run("kill", "t")
run("rm", "t")
start("q")
r = run("kill", "-s", "TERM", "q")
ok(r.returncode == 1 and b"runs no command" in r.stderr, "a signal without a command for it", r)

# A command as long as they come: ps and status have it all the same, and it is kept.
for n in (1, 9000):
    r = run("create", "--name", "l", "--", "sh", "-c", "exec sleep 60; # " + "x" * 70000, *["'"] * n)
    ok(r.returncode == 0 and run("start", "l").returncode == 0, f"a long command, {n + 3} words", r)
    ok(info("l") and len(json.dumps(info("l")["command"])) < 10000 and b"sleep 60" in run("ps").stdout, "ps has its begin")
    same((run("kill", "l").returncode, run("rm", "l").returncode), (0, 0), "kill, rm")

# Who starts several and is interrupted: the one that starts is ended, what runs goes on, and no other begins.
for name, more in (("x", []), ("y", ["--append", "fake.hang"]), ("z", [])):
    run("create", "--name", name, *more)
p = spawn("start", "x", "y", "z", stdout=subprocess.DEVNULL)
ok(wait_until(lambda: info("y")), "start of three")
p.send_signal(signal.SIGINT)
same(p.wait(20), 130, "interrupted at the second")
ok(wait_until(lambda: not info("y")), "which is ended")
time.sleep(0.5)
ok(info("x") and not info("z"), "the first runs, and the third does not")
run("kill", "x")
run("rm", "x", "y", "z")

# Another name.
heard = spawn("events", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
time.sleep(0.5)
same(run("rename", "q", "b").returncode, 0, "rename, of a guest that runs")
same((info("q"), info("b")["name"], sorted(os.listdir(MACHINES)), sorted(os.listdir(RUN))), (None, "b", ["a", "b"], ["b.lock", "b.sock"]), "it has the new name everywhere")
same(run("exec", "b", "--", "echo", "yes").stdout, b"yes\n", "and answers to it")
r = run("rename", "b", "a")
ok(r.returncode == 1 and b"there is a machine called a already" in r.stderr and info("b"), "not one that is taken", r)
start("q")
r = run("rename", "q", "b")
ok(r.returncode == 1 and info("q") and info("b"), "nor a running one's", r)
same((run("stop", "b", "q").returncode, run("wait", "b").returncode), (0, 0), "stop and wait know it by that")
same(run("rename", "b", "c").returncode, 0, "rename, of one that has ended")
same(listed("c")["status"], 0, "how it ended goes with it")
heard.terminate()
told = [(e["event"], e["name"]) for e in map(json.loads, heard.communicate()[0].splitlines()) if e["event"] == "exit"]
same(sorted(told), [("exit", "b"), ("exit", "q")], "events told of each end once, by its new name")
run("rm", "c", "q")

# Started again.
COUNT = "echo x >> $F; sleep 0.1; exit $(cat $S)"
f, s = os.path.join(TMP, "runs"), os.path.join(TMP, "status")
def counting(name, policy, status):
    with open(f, "w"), open(s, "w") as out:
        out.write(str(status))
    return run("run", "-d", "--name", name, "--restart", policy, "--env", f"F={f}", "--env", f"S={s}", "--", "sh", "-c", COUNT).returncode
runs = lambda: os.path.getsize(f) // 2
same((counting("n", "no", 4), run("wait", "n").returncode, runs()), (0, 4, 1), "--restart=no: once")
same((counting("n", "on-failure", 0), run("wait", "n").returncode, runs()), (0, 0, 1), "on-failure: not when it has succeeded")
same((counting("n", "on-failure:2", 4), run("wait", "n").returncode, runs()), (0, 4, 3), "on-failure:2: twice more")
same(said("n").count("--restart starts it again"), 2, "the log says so")
same(counting("n", "always", 0), 0, "always")
ok(wait_until(lambda: runs() >= 3), "again and again")
ok(info("n")["restarts"] >= 2, "ps knows how often", info("n"))
same(run("stop", "n").returncode, 0, "until it is stopped")
n = runs()
time.sleep(1.5)
same((info("n"), runs()), (None, n), "then not again")
same(counting("n", "always", 0), 0, "always, once more")
ok(wait_until(lambda: info("n")["state"] == "rebooting"), "it is stopped while it waits")
same((run("stop", "n").returncode, info("n")), (0, None), "and ends")
same(counting("n", "always", 0), 0, "always, the last time")
os.kill(info("n")["pid"], signal.SIGTERM)
ok(wait_until(lambda: info("n") is None), "SIGTERM to its process ends it, too")
same(run("run", "-d", "--name", "m", "--restart", "always", "--append", "fake.panic").returncode, 121, "what never was ready is not started again")
run("rm", "n")

# A unit for systemd.
unit = run("systemd", "a").stdout.decode()
ok(f'ExecStart="{FAKE}" start a\n' in unit and "ExecStop=" in unit and "WantedBy=default.target" in unit, "systemd prints a unit", unit)
odd = dict(os.environ, XDG_DATA_HOME=os.path.join(TMP, 'a $x %h "q" \\'))
run("create", "--name", "a", env=odd)
unit2 = run("systemd", "a", env=odd).stdout.decode()
ok('a $x %%h \\"q\\" \\\\"\n' in unit2, "with what systemd would take for its own; $ is nothing in Environment=", unit2)
run("rm", "a", env=odd)
conf = os.path.join(TMP, "conf")
r = run("systemd", "--install", "a", env=dict(os.environ, XDG_CONFIG_HOME=conf))
path = os.path.join(conf, "systemd/user/ring3-a.service")
same((r.returncode, r.stdout.decode().strip(), open(path).read()), (0, path, unit), "--install writes it")
try:
    p = subprocess.run(["systemd-analyze", "verify", "--user", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                       env=dict(os.environ, HOME=TMP))
    ok(b"ring3-a" not in p.stdout, "systemd understands it", p.stdout.decode())
except FileNotFoundError:
    skip("systemd understands it", "host: no systemd-analyze")
same(run("rm", "a").returncode, 0, "rm")
same((os.listdir(MACHINES), run("ps", "-aq").stdout), ([], b""), "nothing is left")
done()
