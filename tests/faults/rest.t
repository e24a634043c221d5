#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 100
# A vCPU waits for the manager of a space that the host does not run: the others
# rest now and then, in case that it is for them, and all goes on afterwards.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

# Written is what the sleeper executes: the copy replaces a page that is mapped in its space.
WORK = r"""
taskset -c 1 sh -c 'while :; do :; done' &
echo up
while read word; do case $word in
sleeper) sleep 1000 & S=$!; sleep 1; echo asleep ;;
write) set -- $(cat /proc/$S/syscall); at=$(($9))
	taskset -c 0 dd if=/proc/$S/mem bs=1 skip=$at count=1 2> /dev/null > /tmp/byte
	taskset -c 0 dd if=/tmp/byte of=/proc/$S/mem bs=1 seek=$at conv=notrunc 2> /dev/null; echo "written $?" ;;
rests) set -- $(grep RST: /proc/interrupts); echo "rests $(($2 + $3))" ;;
end) kill $(jobs -p); exit 7 ;;
esac; done
"""


def used():
    """Spaces in which something runs."""
    return {pid for pid in named(g, "ring3-space") if len(os.listdir(f"/proc/{pid}/task")) > 1}


g = Guest("--cpus", "2", "--", "sh", "-c", WORK, timeout=90)
ok(g.expect("up\n"), "a guest at work", g.text)
before = used()
ask(g, "sleeper", rb"asleep")
sleepers = births(used() - before)
ok(sleepers, "a process that sleeps in a space of its own", before, used())
rests = ask(g, "rests", rb"rests (\d+)\n")
for pid in sleepers:
    os.kill(pid, signal.SIGSTOP)
g.type("write\n")
ok(not wait_until(lambda: b"written" in g.text, 3), "who changes its memory waits for its manager", g.text)
for pid in sleepers:
    os.kill(pid, signal.SIGCONT)
ok(wait_until(lambda: b"written 0\n" in g.text, 20), "and goes on with it", g.text)
now = ask(g, "rests", rb"rests (\d+)\n")
ok(rests and now and int(now) >= int(rests) + 4, "meanwhile the vCPUs rested several times", rests, now)
ok(alive(sleepers), "it sleeps on")
same(messages(g), [], "and nobody complained")
g.type("end\n")
same(g.wait(30), 7, "it ends by itself")
done()
