#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# What the user of one session can do to the agent, and so to the others: a
# program that cannot be opened, processes that are stopped, too many sessions,
# too much output.
import fcntl
import os
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *
from peer import *

USER, OTHER = 54322, 54323


def alive(a, session):
    a.send(frame(RUN, session, request("echo", "alive")))
    return a.until(STDOUT, session) == b"alive\n" and a.until(EXIT, session) == bytes(8)


# A lease makes whoever opens the file wait until its holder gives way, or for
# lease-break-time; any user has that for files of their own.
program = os.path.join(TMP, "program")
with open(program, "w") as f:
    f.write("#!/bin/sh\necho ran\n")
os.chmod(program, 0o755)
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(program, os.O_RDONLY)
a = agent()
a.s.settimeout(20)
a.send(frame(RUN, 1, request("cat")))
a.until(STARTED, 1)
try:
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError as e:
    skip("a program that cannot be opened for a while", f"host: no leases on {TMP}: {e.strerror}")
else:
    a.send(frame(RUN, 2, request(program)))
    time.sleep(0.2)
    start = time.monotonic()
    ok(alive(a, 3) and time.monotonic() - start < 5, "a program that cannot be opened for a while holds up its own session only",
       time.monotonic() - start)
    a.send(frame(STDIN, 1))
    start = time.monotonic()
    ok(a.until(EXIT, 1) == bytes(8) and time.monotonic() - start < 5, "and holds no streams of others open")
    a.send(frame(RUN, 4, request(program)))
    a.send(frame(SIGNAL, 4, struct.pack("<I", signal.SIGTERM)))
    a.send(frame(RUN, 5, request(program)) + frame(END, 5))
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    same(a.until(STDOUT, 2), b"ran\n", "then it runs")
    ok(alive(a, 6), "signals and hang-ups for one that has not started do no harm")
a.end()
os.close(fd)

# The newest session comes first, and the one with little output is the oldest.
a = agent()
a.send(frame(RUN, 1, request("sh", "-c", "while :; do echo tick; sleep 0.05; done")))
a.until(STARTED, 1)
for i in (2, 3, 4):
    a.send(frame(RUN, i, request("cat", "/dev/zero")))
ticks, got, start = 0, dict.fromkeys((1, 2, 3, 4), 0), time.monotonic()
while time.monotonic() - start < 3 and (f := a.frame()):
    kind, session, data = f
    if kind == STDOUT and data:
        got[session] += len(data)
        a.send(frame(CREDIT, session, struct.pack("<II", STDOUT, len(data))))
much = [got[i] for i in (2, 3, 4)]
ok(got[1] >= 100 and min(much) > max(much) / 3, "sessions with much output leave room for one another", got)
a.end()

if os.getuid():
    skip("commands of other users", "host: only root can run them")
    done()
    sys.exit()

storm = subprocess.Popen([sys.executable, "-c", f"""
import os
os.setgroups([]); os.setresgid({USER}, {USER}, {USER}); os.setresuid({USER}, {USER}, {USER})
while True:
    try:
        os.kill(-1, {int(signal.SIGSTOP)})
    except ProcessLookupError:
        pass
"""])
a = agent()
a.s.settimeout(20)
stuck = next((i for i in range(200) if
              a.send(frame(RUN, 1000 + i, request("true", uid=USER))) or not alive(a, 2000 + i)), None)
ok(stuck is None, "a user that stops all its processes, again and again, does not stop the agent", f"round {stuck}")
storm.kill()
storm.wait()
a.end()

a = agent()
started = lambda i: (a.send(frame(RUN, i, request("sleep", "60", uid=uid))),
                     next((f[0] for f in iter(a.frame, None) if f[1] == i and f[0] in (STARTED, ERROR)), None))[1]
uid = USER
same([started(i) for i in range(1, 130)].count(STARTED), 128, "one user has 128 sessions at a time")
uid = OTHER
same([started(i) for i in range(201, 267)].count(STARTED), 64, "all users but root have 192 together")
uid = None
same([started(i) for i in range(301, 366)].count(STARTED), 64, "the others are root's")
a.end()
done()
