#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# tags: slow
# Machines in the background with a kernel: ready, log, console, statistics, events, reboot, panic, its jail's door.
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *


def info(name):
    return next((g for line in run("ps", "--json").stdout.splitlines() if (g := json.loads(line))["name"] == name), None)


def stats(name):
    return json.loads(run("stats", "--json", name).stdout)


def monitor_files(name):
    return len(os.listdir(f"/proc/{info(name)['monitor']}/fd"))


events = subprocess.Popen([RING3, "events"], stdout=subprocess.PIPE)
begun = time.monotonic()
r = run("run", "-d", "--name", "a", "--mem", "256M", "--cpus", "2")
same((r.returncode, r.stdout, r.stderr), (0, b"a\n", b""), "a guest in the background")
ok(time.monotonic() - begun < 30, "is ready soon", time.monotonic() - begun)
r = run("exec", "a", "--", "sh", "-c", "ip -4 addr show eth0 | grep -c 'inet '; nproc")
same(r.stdout, b"1\n2\n", "its network has an address when it is said to be ready")
g = info("a")
ok(0 < g["mem_used"] < g["mem"] == 256 << 20, "ps knows the memory that is used and given", g)
before = stats("a")
run("exec", "a", "--", "sh", "-c", "dd if=/dev/zero of=/x bs=1M count=16 2>/dev/null; sync; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
after = stats("a")
disk = [sum(d["out_bytes"] for d in s["devices"] if d["kind"] == "blk") for s in (before, after)]
ok(16 << 20 <= disk[1] - disk[0] < 64 << 20, "statistics: what it wrote to its disk", disk)
ok(after["spaces_ns"] > before["spaces_ns"] and len(after["vcpu_ns"]) == 2 and sum(after["vcpu_ns"]) > sum(before["vcpu_ns"]) > 0,
   "the time of its programs and of its kernel", before, after)
ok(after["mem_used"] - before["mem_used"] > 8 << 20, "and its memory", before["mem_used"], after["mem_used"])
n = monitor_files("a")
for _ in range(50):
    stats("a")
same(monitor_files("a"), n, "asking 50 times leaves no descriptor in the monitor")
many = [subprocess.Popen([RING3, "exec", "a", "--", "sh", "-c", f"sleep 1; echo {i}"], stdout=subprocess.PIPE) for i in range(20)]
same([p.communicate()[0] for p in many], [b"%d\n" % i for i in range(20)], "twenty commands at once")

# Its console: what was there before, then what comes; left and taken again.
run("exec", "a", "--", "sh", "-c", "echo before > /dev/hvc0")
for what in ("one", "two"):
    term = Terminal(RING3, "console", "a")
    ok(term.expect("before", 20), f"{what}: the console shows what it had written")
    run("exec", "a", "--", "sh", "-c", f"echo {what} > /dev/hvc0")
    ok(term.expect(what, 20), f"{what}: and what it writes now")
    for _ in range(3):
        term.type("\x1d")
    same(term.wait(), 0, f"{what}: Ctrl-] three times leaves it")
    term.close()
ok(info("a")["state"] == "running", "the guest goes on")
ok(wait_until(lambda: b"two\r\n" in run("logs", "-c", "a").stdout, 20), "and all is in its log", run("logs", "-c", "a").stdout[-600:])
flood = subprocess.Popen([RING3, "exec", "a", "--", "sh", "-c", "timeout 3 sh -c 'yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx > /dev/hvc0'"])
most = 0
while flood.poll() is None:
    folder = os.path.join(os.environ["XDG_DATA_HOME"], "ring3/machines/a")
    size = 0
    for f in ("log", "log.1"):
        try:
            size += os.stat(os.path.join(folder, f)).st_size
        except FileNotFoundError:
            pass
    most = max(most, size)
    time.sleep(0.02)
ok(0 < most <= 2 << 20, "a flooded console takes two mebibytes of the disk at most", most)

# Who listens to events is not cut off by a guest that makes up reports of its kernel.
heard = subprocess.Popen([RING3, "events", "a"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
time.sleep(0.5)
run("exec", "a", "--", "sh", "-c", "timeout 2 sh -c 'yes BUG: x > /dev/hvc0'; true")
time.sleep(1)
same(heard.poll(), None, "made-up reports do not end events")
heard.terminate()
kinds = [json.loads(line)["event"] for line in heard.communicate()[0].splitlines()]
ok(20 <= kinds.count("oops") <= 20 * 10 and 1 <= kinds.count("limit") <= 10, "it says that there are more", kinds)

# Its end, in each way.
pid = info("a")["monitor"]
run("exec", "a", "--", "sh", "-c", "echo b > /proc/sysrq-trigger")
ok(wait_until(lambda: (g := info("a")) and g["state"] == "running" and g["monitor"] != pid, 60), "a reboot: it is started again")
same(run("exec", "a", "--", "echo", "yes").stdout, b"yes\n", "and serves")
same((run("stop", "a").returncode, run("wait", "a").returncode), (0, 0), "stop, wait")
same(run("start", "a").returncode, 0, "start")
run("exec", "a", "--", "sh", "-c", "echo c > /proc/sysrq-trigger")
same(run("wait", "a").returncode, 121, "a panic is the exit status of wait")
ok(b"sysrq" in run("logs", "a").stdout and b"the guest kernel panicked" in run("logs", "a").stderr, "its last words are in the log")
same(run("rm", "a").returncode, 0, "rm")
seen = []
while seen.count("exit") < 2:
    seen.append(json.loads(events.stdout.readline())["event"])
same([e for e in seen if e not in ("oops", "limit")], ["ready", "boot", "ready", "exit", "ready", "panic", "exit"], "events told of it all")
events.terminate()
events.wait()

# A command.
r = run("run", "-d", "--name", "c", "--mem", "128M", "--", "sh", "-c", "echo out; echo err >&2; sleep 1; exit 9")
same((r.returncode, run("wait", "c").returncode), (0, 9), "a command's exit status")
same((run("logs", "-o", "c").stdout, run("logs", "-o", "c").stderr), (b"out\n", b"err\n"), "and what it wrote")
r = run("run", "-d", "--name", "f", "--mem", "128M", "--", "/nowhere")
ok(r.returncode == 127 and b"/nowhere" in r.stderr and not os.path.exists(os.path.join(os.environ["XDG_DATA_HOME"], "ring3/machines/f")), "one that is not there: 127, and nothing is kept", r)
r = run("run", "-d", "--name", "f", "--mem", "128M", "--root", "/dev/null")
ok(r.returncode == 125 and r.stderr.count(b"\n") == 1, "a root that is none: one sentence", r)
r = run("run", "-d", "--name", "f", "--mem", "128M", "--append", "ring3.root=/dev/nothing")
ok(r.returncode == 125 and b"no root disk /dev/nothing" in r.stderr, "one whose boot fails is not ready", r)
same(run("run", "-d", "--name", "i", "--init", "/sbin/init", "--mem", "512M").returncode, 0, "--init in the background is ready when its agent is")
ok(wait_until(lambda: b"systemd" in run("logs", "i").stdout or b"login" in run("logs", "i").stdout, 60), "its console is in the log", run("logs", "i").stdout[-500:])
same(run("stop", "i").returncode, 0, "it powers off")
for name in ("c", "i"):
    same(run("rm", name).returncode, 0, f"rm {name}")
done()
