#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# vCPUs that are switched off and on while threads of one process, timers, forks
# and shootdowns are on them. RING3_TEST_FULL=1 does so for longer.
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "boot"))
from host import *

FULL = os.environ.get("RING3_TEST_FULL") == "1"
CPUS = 3
TIMES = 1000 if FULL else 100
COMPLAINTS = "BUG|WARNING|Oops|Call Trace|stall|soft lockup|ended a guest process|does not stop|does not answer|failed to"

# Switches CPUs off and on in turn, until the program has ended.
TOGGLE = r"""
cd /tmp && gcc -O1 -pthread -x c -o work - || exit 9
./work SECONDS > out & work=$!
n=0; bad=0
while [ $n -lt TIMES ] && kill -0 $work 2>/dev/null; do
	for cpu in $(seq 1 LAST); do
		echo 0 > /sys/devices/system/cpu/cpu$cpu/online || bad=$((bad + 1))
		[ $((n % 3)) = 0 ] && [ $cpu = 1 ] && continue
		echo 1 > /sys/devices/system/cpu/cpu$cpu/online || bad=$((bad + 1))
	done
	[ -e /sys/devices/system/cpu/cpu1/online ] && [ "$(cat /sys/devices/system/cpu/cpu1/online)" = 0 ] && echo 1 > /sys/devices/system/cpu/cpu1/online
	n=$((n + 1))
done
kill -0 $work 2>/dev/null && kill -USR1 $work
wait $work; echo "work $?"; cat out
echo "toggled $n bad $bad nproc $(nproc)"
dmesg | grep -E -A 30 'COMPLAINTS' | head -60
echo end
"""


def toggle(cpus, *options):
    text = TOGGLE.replace("TIMES", str(TIMES)).replace("LAST", str(cpus - 1)).replace("SECONDS", "250")
    with open(os.path.join(HERE, "hotplug.c"), "rb") as source:
        r = run("run", "--timeout", "240", "--mem", "1G", "--cpus", str(cpus), *options, *sh(text.replace("COMPLAINTS", COMPLAINTS)),
                stdin=source, timeout=250)
    out = r.stdout.decode(errors="replace")
    m = re.search(r"^toggled (\d+) bad (\d+) nproc (\d+)\nend$", out, re.M)
    ok(m and m.groups() == (str(TIMES), "0", str(cpus)) and re.search(r"^work 0$", out, re.M) and "WRONG" not in out,
       f"{TIMES} times off and on with {cpus} CPUs under load", out[-2000:], r.stderr.decode(errors="replace")[-2000:])
    m = re.search(r"^done (\d+) rounds$", out, re.M)
    print(f"# {m and m[1]} rounds of work")


toggle(2)
toggle(CPUS)

# ---- what it is to the host, and to who asks ----

g = Guest("--cpus", str(CPUS), "--append", "maxcpus=2", "--", "sh", "-c",
          'echo up; while read -r line; do eval "$line"; echo "status $?"; done')
ok(g.expect("up\n"), "a guest that is told to start two of its three CPUs", g.text)


def ask(line, seconds=60):
    """What the guest says to it, its status at the end."""
    old = len(g.text)
    g.type(line + "\n")
    wait_until(lambda: re.search(rb"status \d+\n", g.text[old:]), seconds)
    return g.text[old:].decode(errors="replace")


def vcpu_ticks(cpu):
    for task in os.listdir(f"/proc/{g.monitor()}/task"):
        folder = f"/proc/{g.monitor()}/task/{task}"
        with open(folder + "/comm") as f:
            if f.read().strip() != f"vcpu{cpu}":
                continue
        with open(folder + "/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])
    return None


SYS = "/sys/devices/system/cpu"
same(ask(f"cat {SYS}/online {SYS}/offline; ls {SYS}/cpu0/online 2>/dev/null"), "0-1\n2\nstatus 2\n",
     "two are, the third is offline, CPU 0 cannot be switched off")
same(ask(f"echo 1 > {SYS}/cpu2/online; cat {SYS}/online"), "0-2\nstatus 0\n", "the third is started late")
same(ask(f"for i in 1 2; do taskset -c $i sh -c 'read a < /proc/self/stat; set -- $a; shift 38; echo on $1'; done"),
     "on 1\non 2\nstatus 0\n", "both run programs")
same(ask(f"echo 0 > {SYS}/cpu1/online; cat {SYS}/online"), "0,2\nstatus 0\n", "CPU 1 is switched off")
ask("pids=; for i in 1 2 3 4; do (while :; do x=$(echo); done) & pids=\"$pids $!\"; done; sleep 0.2")
before = [vcpu_ticks(i) for i in range(CPUS)]
time.sleep(2)
used = [vcpu_ticks(i) - before[i] for i in range(CPUS)]
ok(used[0] > 0 and used[2] > 0 and used[1] == 0, "its host thread uses no time while the others are at work", used)
ask("kill $pids; wait", 30)
same(ask(f"echo 1 > {SYS}/cpu1/online && taskset -c 1 sh -c 'sleep 0.1; echo back'"), "back\nstatus 0\n", "it comes back, timers and all")
same(ask(f"dmesg | grep -E '{COMPLAINTS}'"), "status 1\n", "the kernel has nothing to complain of")
ask(f"echo 0 > {SYS}/cpu1/online; echo 0 > {SYS}/cpu2/online")
family = births(g.family())
g.type("exit 3\n")
same(g.wait(), 3, "a guest ends while all CPUs but one are off")
wait_until(lambda: not alive(family), 10)
same(alive(family), [], "and leaves no process")
g.close()
done()
