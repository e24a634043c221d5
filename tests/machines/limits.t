#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# Bounds of a guest on its host, where no cgroup holds them: processor time, weight, processes; also of a guest whose root
# does not want to have them; and changed while it runs.
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

CPUS = os.cpu_count()


def info():
    return next((g for line in run("ps", "--json").stdout.splitlines() if (g := json.loads(line))["name"] == "a"), {})


def stats():
    # A host that is busy for as long as the monitor has to answer.
    for _ in range(5):
        r = run("stats", "--json", "a")
        if r.returncode == 0:
            break
    return json.loads(r.stdout)


def used():
    s = stats()
    return s["monitor_ns"] + s["spaces_ns"] + s["backends_ns"] + s["run_ns"]


def rate(seconds):
    """CPUs' worth of time that it uses."""
    before, start = used(), time.monotonic()
    time.sleep(seconds)
    return (used() - before) / 1e9 / (time.monotonic() - start)


def sh_in(text, **kw):
    r = run("exec", "a", "--", "sh", "-c", text, **kw)
    return r.stdout.decode().strip() if not r.returncode else f"status {r.returncode}: {r.stderr.decode()}"


def refused(words, *what):
    r = run(*words)
    err = r.stderr.decode()
    ok(r.returncode in (1, 125) and err.count("\n") == 1 and all(w in err for w in what), f"{' '.join(words)}: one sentence", r.returncode, err)


# What cannot be.
cmd = ["--net", "none", "--", "true"]
refused(["run", "--cpu-limit", "0", *cmd], "--cpu-limit", "none")
refused(["run", "--cpu-limit", str(CPUS + 1), *cmd], f"the {CPUS} that this host has")
refused(["run", "--cpu-limit", "fast", *cmd], "150%")
refused(["run", "--cpu-limit", "nan", *cmd], "150%")
for weight in "0", "10001", "-1":
    refused(["run", f"--cpu-weight={weight}", *cmd], "1 to 10000")
refused(["run", "--pids-limit", "8", *cmd], "from 32")
refused(["run", "--pids-limit", "40", "--cpus", "8", *cmd], "of 8 CPUs needs 60")
refused(["run", "--cpus", "4,max=2", *cmd], "from 4 to 64")
refused(["run", "--cpus", "2,many", *cmd], "N,max=M")

r = run("run", "-d", "--name", "a", "--net", "none", "--mem", "256M", "--cpus", "2", "--cpu-limit", "50%", "--pids-limit", "48")
same((r.returncode, r.stderr), (0, b""), "a guest with bounds")
same(info().get("limits"), {"cpus": 0.5, "pids": 48}, "ring3 ps --json has them")
for words, what in ((["--cpu-limit", str(CPUS + 1)], "this host has"), (["--cpu-weight", "20000"], "10000"), (["--pids-limit", "33"], "2 CPUs needs 36"), (["--cpus", "3"], "max=M")):
    refused(["set", *words, "a"], what)
same(info().get("limits"), {"cpus": 0.5, "pids": 48}, "what was refused changed nothing")

# Processor time. Two CPUs' worth of loops; the first second's savings are spent.
run("exec", "a", "--", "sh", "-c", "for i in 1 2 3 4; do (while :; do :; done) > /dev/null 2>&1 & done")
got = rate(2)
# A busy host gives less, and nothing gives more; so little that it cannot but be stopped comes next.
ok(got < 0.6, "with 0.5 CPUs it uses no more", got)
same(run("set", "--cpu-limit", "3%", "a").returncode, 0, "less, while it runs")
time.sleep(1)
got = rate(4)
ok(got < 0.05, "and with 0.03 no more than that", got)
ok(wait_until(lambda: (s := stats())["stopped_ns"] > 1e8 and s["stops"] > 3, 30), "by being stopped", stats())
same(run("set", "--cpu-limit", "15%", "--cpu-weight", "50", "a").returncode, 0, "with less weight, too")
ok(abs(float(sh_in("cut -d' ' -f1 /proc/uptime; sleep 1; cut -d' ' -f1 /proc/uptime").split()[1]) - float(sh_in("cut -d' ' -f1 /proc/uptime").split()[0])) < 5,
   "its time goes on, and it answers")
nice = lambda pid: os.getpriority(os.PRIO_PROCESS, pid)
family = births([info()["pid"], info()["monitor"], *children(info()["monitor"])])
same({nice(p) for p in family if comm(p)}, {3}, "a weight of 50 is a nice value of 3 for all of its processes")

# Held by somebody else.
same(run("pause", "a").returncode, 0, "paused")
time.sleep(0.5)
ok(all(open(f"/proc/{info()['monitor']}/stat").read().rsplit(")", 1)[1].split()[0] == "T" for _ in range(5)), "it stays stopped")
same(run("resume", "a").returncode, 0, "and goes on")
ok((got := rate(2)) < 0.2, "within its bound", got)

same(run("set", "--cpu-limit", "none", "--cpu-weight", "10", "a").returncode, 0, "the bound goes while it runs")
stops = stats()["stops"]
time.sleep(1)
same(stats()["stops"], stops, "and it is not stopped any more")
same({nice(p) for p in [info()["pid"], info()["monitor"], *children(info()["monitor"])] if comm(p)}, {10}, "with less weight")
same(run("set", "--cpu-limit", "0.05", "a").returncode, 0, "a lower one")
time.sleep(1)
ok((got := rate(3)) < 0.08, "holds, too", got)
same(run("set", "--cpu-limit", "none", "a").returncode, 0, "none again")
# The loops are the shells whose parents have gone.
sh_in("for s in /proc/[0-9]*/stat; do read pid comm state parent rest < $s 2> /dev/null && [ \"$comm $parent\" = '(sh) 1' ] && kill -9 $pid; done; true")
same(sh_in("grep -c . /proc/loadavg"), "1", "the loops are ended")

# Processes.
peak = 0
bomb = "ulimit -u unlimited; f() { f | f & }; i=0; while [ $i -lt 300 ]; do sleep 3 & i=$((i + 1)); done 2>&1 | grep -c -i 'cannot fork\\|resource'"
p = subprocess.Popen([RING3, "exec", "a", "--", "sh", "-c", bomb], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
end = time.monotonic() + 4
while time.monotonic() < end:
    peak = max(peak, len(children(info()["monitor"])) + 2)
p.kill()
p.wait()
ok(peak <= 48, "no more processes than its bound while it wants three hundred", peak)
same(stats()["killed"], 0, "as its kernel refuses them: none is killed")
time.sleep(3)
same(sh_in("echo well"), "well", "and it goes on")
# Root of the guest undoes what its kernel was told.
p = subprocess.Popen([RING3, "exec", "a", "--", "sh", "-c", "echo 20000 > /proc/sys/kernel/threads-max; i=0; while [ $i -lt 150 ]; do sleep 6 & i=$((i + 1)); done; wait"],
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
ok(wait_until(lambda: stats()["killed"] > 0, 20), "a guest that undoes it has its youngest killed", stats()["killed"])
ok(wait_until(lambda: len(children(info()["monitor"])) + 2 <= 48), "and is back at its bound", children(info()["monitor"]))
p.kill()
p.wait()
time.sleep(2)
same(sh_in("echo well"), "well", "and it, too, goes on")
same(run("set", "--pids-limit", "none", "a").returncode, 0, "without a bound")
same(sh_in("i=0; while [ $i -lt 60 ]; do sleep 1 & i=$((i + 1)); done; wait; echo $i"), "60", "it has as many as it wants")
family = births([info()["pid"], info()["monitor"], *children(info()["monitor"])])
same(run("stop", "a").returncode, 0, "stopped")
ok(wait_until(lambda: not alive(family)), "nothing is left", alive(family))

# A guest that is being stopped and let go ends as fast as any.
r = run("run", "--net", "none", "--cpu-limit", "0.2", "--", "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; echo done; exit 7")
same((r.returncode, r.stdout), (7, b"done\n"), "a bounded command runs to its end")
done()
