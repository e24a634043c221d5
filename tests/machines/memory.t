#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# The host asks a guest for memory back: `ring3 set --memory`.
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot"), HERE]
from host import *

MIB = 1 << 20


def info(name="m"):
    return next((g for line in run("ps", "--json").stdout.splitlines() if (g := json.loads(line))["name"] == name), {})


def stats(name="m"):
    return json.loads(run("stats", "--json", name).stdout)


def ask(size, name="m"):
    return run("set", "--memory", size, name)


r = run("set", "nobody")
ok(r.returncode == 125 and b"what is to change" in r.stderr, "nothing to change is a sentence", r.stderr)
r = run("set", "--memory", "64M")
ok(r.returncode == 125 and b"which guest" in r.stderr, "so is no guest", r.stderr)
r = ask("64M", "nobody")
ok(r.returncode == 1 and b"nobody" in r.stderr, "and one that there is not", r.stderr)
r = run("set", "--memory", "much", "m")
ok(r.returncode == 125 and b"much" in r.stderr, "and what is no size", r.stderr)

# Page cache fills it.
g = Guest("--net", "none", "--name", "m", "--mem", "256M", *sh("mkdir /t && mount -t tmpfs -o size=120m none /t && head -c 100M /dev/zero > /t/a && dd if=/dev/vda of=/dev/null bs=1M count=100 2> /dev/null; echo full; "
          "while read size; do case $size in free) rm /t/a;; hog) head -c 40M /dev/zero > /t/b; dmesg | grep -ci 'out of memory';; mem) grep MemFree /proc/meminfo;; esac; echo done; done"))
ok(g.expect("full"), "a guest with 256 MiB, which it uses", g.text)
same((info().get("mem"), info().get("mem_given")), (256 * MIB, 256 * MIB), "it was given all of that")
used = info()["mem_used"]
ok(used > 180 * MIB, "and uses most of it", used >> 20)
for size in "16M", "0", "257M", "1T":
    r = ask(size)
    ok(r.returncode == 1 and b"256 MiB" in r.stderr and r.stderr.count(b"\n") == 1, f"--memory {size} is refused in one sentence", r.stderr)
r = ask("160M")
same((r.returncode, r.stderr), (0, b""), "it is asked to do with 160 MiB")
ok(wait_until(lambda: info()["mem_used"] < 170 * MIB), "the rest is the host's again", info())
s = stats()
ok(abs(s["mem_given"] - 160 * MIB) <= MIB and s["mem"] == 256 * MIB, "ring3 stats says what it does with", s["mem_given"])
ok(b"/160M" in run("ps").stdout, "so does ring3 ps", run("ps").stdout)
g.type("mem\n")
ok(g.expect("done"), "the guest goes on")
r = ask("256M")
same((r.returncode, r.stderr), (0, b""), "it gets all of it again")
ok(stats()["mem_given"] == 256 * MIB, "as stats says", stats()["mem_given"])

# More than it can do without: it keeps what it needs, and does not kill for it.
start = time.monotonic()
r = ask("64M")
ok(r.returncode == 0 and (b"so far" in r.stderr or not r.stderr), "a guest that is asked for what it uses gives what it can", r.returncode, r.stderr)
ok(time.monotonic() - start < 60, "and the command ends")
g.text = b""
g.type("free\n")
ok(g.expect("done"), "it still runs", g.text)
r = ask("64M")
ok(r.returncode == 0 and stats()["mem_given"] <= 66 * MIB, "asked again, it gives what has become free", r.stderr, stats()["mem_given"] >> 20)
g.text = b""
g.type("hog\n")
ok(g.expect("done", 90), "one that needs memory after all", g.text)
ok(b"0\n" in g.text.replace(b"\r", b""), "takes it back before anything is killed", g.text)
g.proc.kill()
g.wait()

done()
