#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# timeout: 400
# The root disk's own init, and the ways in which a guest ends.
import ctypes
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from host import *


def ring3_exec(name, *cmd, **kw):
    return run("exec", name, "--", *cmd, **kw)


def state(name):
    for line in run("ps", "--json").stdout.splitlines():
        if json.loads(line)["name"] == name:
            return json.loads(line)["state"]
    return None


def explain(name):
    return "\n".join(ring3_exec(name, *cmd).stdout.decode(errors="replace") for cmd in (
        ("systemctl", "--failed", "--no-pager"), ("systemctl", "list-jobs", "--no-pager"),
        ("journalctl", "-b", "-p", "warning", "--no-pager", "-n", "40")))


def systemd_up(name, what):
    ok(wait_until(lambda: state(name) == "running", 60), f"{what}: the agent answers", state(name))
    said = wait_until(lambda: time.sleep(0.2) or
                      {b"running\n": "running", b"degraded\n": "degraded"}.get(
                          ring3_exec(name, "systemctl", "is-system-running").stdout), 120)
    ok(said == "running", f"{what}: systemd is up, no unit has failed", said, explain(name))
    r = ring3_exec(name, "systemctl", "is-active", "multi-user.target")
    ok(r.stdout == b"active\n", f"{what}: multi-user.target is reached", r, explain(name))


name = f"init{os.getpid()}"
g = Guest("--name", name, "--init", "/sbin/init", timeout=300)
systemd_up(name, "first boot")
same(ring3_exec(name, "cat", "/proc/1/comm").stdout, b"systemd\n", "PID 1 is systemd")
r = ring3_exec(name, "systemctl", "--failed", "--no-legend", "--plain")
same((r.stdout, r.returncode), (b"", 0), "the list of failed units is empty")
ok(g.expect("login:", 30), "a login prompt is on the console", g.text[-2000:].decode(errors="replace"))
first = ring3_exec(name, "cat", "/proc/sys/kernel/random/boot_id").stdout
ring3_exec(name, "sh", "-c", "echo kept > /root/kept; sync")
monitor = g.monitor()
# The connection may go before the command's answer comes.
ring3_exec(name, "reboot", timeout=60)
ok(wait_until(lambda: g.proc.poll() is not None or (state(name) == "running" and g.monitor() != monitor), 90),
   "reboot starts the guest again", g.text[-2000:].decode(errors="replace"))
systemd_up(name, "second boot")
second = ring3_exec(name, "cat", "/proc/sys/kernel/random/boot_id").stdout
ok(len(first) == len(second) == 37 and first != second, "with another boot_id", first, second)
same(ring3_exec(name, "cat", "/root/kept").stdout, b"kept\n", "and the disk as it was left")
ring3_exec(name, "systemctl", "poweroff", timeout=60)
same(g.wait(90), 0, "systemctl poweroff ends ring3 with 0")
ok(b"FAILED" not in g.text and b"Oops" not in g.text and b"BUG:" not in g.text,
   "nothing failed on the console", g.text[-4000:].decode(errors="replace"))
g.close()

g = Guest("--name", name, "--init", "/sbin/init", timeout=200)
wait_until(lambda: state(name) == "running", 60)
r = run("stop", name, timeout=120)
same((r.returncode, g.wait(60)), (0, 0), "ring3 stop powers it off")
g.close()

t = Terminal(RING3, "run", "--timeout", "120", "--init", "/bin/bash", "--name", name)
ok(t.expect("#", 60), "another program as init has the console", t.text)
t.type("echo $$ $(tty)\n")
ok(t.expect("1 /dev/console", 20), "as PID 1", t.text)
t.close()

r = guest("--", "sh", "-c", "echo b > /proc/sysrq-trigger; sleep 60")
ok(r.returncode == 120 and r.stderr.startswith(b"ring3: the guest was rebooted"), "a reboot under a command is 120 and is said", r)
r = guest("--", "sh", "-c", "echo o > /proc/sysrq-trigger; sleep 60")
ok(r.returncode == 120 and r.stderr.startswith(b"ring3: the guest was powered off"), "a power-off under a command is 120 and is said", r)

r = guest("--", "sh", "-c", "echo before; sleep 0.3; echo c > /proc/sysrq-trigger; sleep 60")
ok(r.returncode == 121, "a panic is 121", r)
same(r.stdout, b"before\n", "what was written before it arrives")
text = r.stderr.decode(errors="replace")
ok("ring3: the guest kernel panicked" in text, "it is said", text)
ok("Kernel panic - not syncing: sysrq triggered crash" in text, "its message is shown", text)
ok("Call Trace" in text and "sysrq_handle_crash" in text, "with a call trace that has symbols", text)
# One CPU: on another one the terminal's echo comes between the words.
g = Guest("--init", "/bin/sh", "--cpus", "1", timeout=60, stdin=subprocess.PIPE)
g.expect("#")
g.type("exec /bin/true\n")
ok(g.wait(30) == 121 and b"Attempted to kill init" in g.text, "an init that exits is a panic", g.text.decode(errors="replace"))
g.close()


def hangs(what, *args):
    start = time.monotonic()
    r = run("run", "--timeout", "3", *args, timeout=60)
    took = time.monotonic() - start
    ok(r.returncode == 124 and 2.9 < took < 20, f"--timeout 3 ends {what} with 124", r, took)


hangs("a command that sleeps", "--", "sleep", "1000")
hangs("one that spins", "--", "sh", "-c", "while :; do :; done")
hangs("one that ignores signals", "--", "sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done")
hangs("a guest that stops all its processes", "--", "sh", "-c", "echo t > /proc/sysrq-trigger; kill -STOP -1; sleep 100")
hangs("an init that says nothing", "--init", "/usr/bin/yes")


# Whoever reads its output may be what hangs.
for args in (("--", "yes"), ("--init", "/usr/bin/yes")):
    r, w = os.pipe()
    start = time.monotonic()
    status = run("run", "--timeout", "3", *args, stdout=w, timeout=60).returncode
    took = time.monotonic() - start
    ok(status == 124 and took < 15, f"--timeout 3 ends {args[-1]} that nobody reads, with {args[0]}", status, took)
    os.close(r)
    os.close(w)

# A monitor that takes long to die, as on a busy host or at a slow disk: while
# it is traced its parent does not hear of its end.
PTRACE_SEIZE = 0x4206
g = Guest("--", "sh", "-c", "echo up; sleep 100", timeout=3)
start = time.monotonic()
g.expect("up", 30)
monitor = g.monitor()
family = births(g.family())
if ctypes.CDLL(None, use_errno=True).ptrace(PTRACE_SEIZE, monitor, None, None):
    skip("--timeout when the monitor does not end", "host: processes cannot be traced")
    g.close()
else:
    status = g.wait(30)
    took = time.monotonic() - start
    state_then = stat(monitor)[0]
    os.waitpid(monitor, 0)
    ok(status == 124 and took < 15 and state_then == "Z", "--timeout 3 does not wait for a monitor that does not end",
       status, took, state_then)
    ok(wait_until(lambda: not alive(family)), "which is gone in the end")
same([state(name), run("ps", "--json").stdout], [None, b""], "no guest is left")
done()
