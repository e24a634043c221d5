#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# A host that refuses memory, processes and threads to a guest that runs: what
# asked for them may be killed, which is said; the guest goes on, and when the
# host has enough again everything works. (At the start: tests/boot/limits.t.)
import os
import re
import resource
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

NONE = resource.RLIM_INFINITY
DIGEST = subprocess.run("seq 1000 | md5sum", shell=True, stdout=subprocess.PIPE).stdout.split()[0].decode()

# A shell that needs no new process to answer.
SHELL = """echo up; while read word rest; do case $word in
say) echo "say $rest" ;;
try) eval "$rest"; echo "tried $?" ;;
esac; done; exit 7"""


def monitor(g):
    return named(g, "ring3-monitor")[0]


def works(g, what):
    """Forks, programs, pipes, memory. Spare processes that were made too early may still cost a try or two."""
    line = "try x=$(seq 1000 | md5sum); echo sum $x; head -c 30000000 /dev/zero | tail -c 20000000 | wc -c"
    for _ in range(5):
        at = len(g.text)
        status = ask(g, line, rb"tried (\d+)\n")
        good = status == b"0" and f"sum {DIGEST}".encode() in g.text[at:] and b"\n20000000\n" in g.text[at:]
        if good or status is None:
            break
    ok(good, f"{what}: afterwards all works", status, g.text[-2000:])


def answers(g, what):
    print(f"# {what}: {len(re.findall(rb'tried [^0]', g.text))} tries failed, ring3 said {len(messages(g))} things")
    same(ask(g, "say so", rb"say (so)\n"), b"so", f"{what}: the shell that runs goes on")


def limit(pids, kind, value):
    for pid in pids:
        try:
            resource.prlimit(pid, kind, (value, NONE))
        except (ProcessLookupError, PermissionError):
            pass


# ---- new spaces get no memory ----

g = Guest("--", "sh", "-c", SHELL, timeout=100)
ok(g.expect("up\n"), "a guest", g.text)
zygote = named(g, "ring3-zygote")
same(len(zygote), 1, "it has a zygote")
limit(zygote, resource.RLIMIT_AS, 4096)
# Spaces that are there already can still be used up.
for i in range(12):
    ask(g, "try seq 3 > /dev/null &", rb"tried (\d+)\n")
status = ask(g, "try seq 1000 | md5sum", rb"tried (\d+)\n")
ok(status is not None, "no memory for new processes: who wants one gets an answer", g.text[-2000:])
answers(g, "no memory for new processes")
limit(zygote + named(g, "ring3-space"), resource.RLIMIT_AS, NONE)
works(g, "no memory for new processes")
g.proc.stdin.close()
same(g.wait(30), 7, "no memory for new processes: the guest ends by itself")

# ---- a space that runs gets no more ----

g = Guest("--", "sh", "-c", SHELL, timeout=100)
ok(g.expect("up\n"), "a guest", g.text)
zygote = named(g, "ring3-zygote")
limit(zygote + named(g, "ring3-space"), resource.RLIMIT_AS, 24 << 20)
status = ask(g, "try head -c 60000000 /dev/zero | tail -c 50000000 | wc -c", rb"tried (\d+)\n", 90)
ok(status is not None, "no more memory for processes: who wants it gets an answer", g.text[-2000:])
answers(g, "no more memory for processes")
limit(zygote + named(g, "ring3-space"), resource.RLIMIT_AS, NONE)
works(g, "no more memory for processes")
g.proc.stdin.close()
same(g.wait(30), 7, "no more memory for processes: the guest ends by itself")

# ---- the monitor gets no more ----

g = Guest("--", "sh", "-c", SHELL, timeout=100)
ok(g.expect("up\n"), "a guest", g.text)
family = births(g.family())
limit([monitor(g)], resource.RLIMIT_AS, 1 << 20)
# Guest RAM is there already; kernel mappings may not be. That is a panic that says why.
for i in range(5):
    ask(g, "try for i in $(seq 30); do sleep 1 & done; dmesg | tail -c 40000000 | wc -c", rb"tried (\d+)\n")
if g.proc.poll() is None:
    answers(g, "no more memory for the monitor")
    limit([monitor(g)], resource.RLIMIT_AS, NONE)
    works(g, "no more memory for the monitor")
    g.proc.stdin.close()
    same(g.wait(30), 7, "no more memory for the monitor: the guest ends by itself")
else:
    ok(b"the host" in g.text, "no more memory for the monitor: the guest's end is explained", g.text[-3000:])
ok(wait_until(lambda: not alive(family), 10), "no more memory for the monitor: no process is left", alive(family))

# ---- processes and threads ----

# One CPU: on several a process that is to run where it has no thread yet, and is refused one, ends; the shell, too.
for every in (1, 2, 5):
    what = f"each {every}. process or thread refused"
    now = os.path.join(TMP, f"now{every}")
    if os.path.exists(now):
        os.unlink(now)
    g = On([FAIL, f"clone=EAGAIN/{every}@{now}", "--"], "--cpus", "1", "--", "sh", "-c", SHELL)
    ok(g.expect("up\n"), "a guest", g.text)
    open(now, "w").close()
    for i in range(10):
        # So many at once that used processes are not enough.
        if ask(g, "try seq 1000 | cat | cat | cat | cat | cat | cat | cat | md5sum > /dev/null", rb"tried (\d+)\n") is None:
            break
    else:
        i = 10
    same(i, 10, f"{what}: who wants one gets an answer")
    answers(g, what)
    with open(now + ".count") as f:
        ok(int(f.read()) > 0, f"{what}: some were")
    os.unlink(now)
    works(g, what)
    # The zygote tries again for a while, so that nobody may have noticed.
    ok(not re.search(rb"tried [^0]", g.text) or any("ulimit -u" in line for line in messages(g)), f"{what}: it is said, with the way out", *messages(g))
    try:
        g.proc.stdin.close()
    except OSError:
        pass
    same(g.wait(30), 7, f"{what}: the guest ends by itself")
    g.close()
done()
