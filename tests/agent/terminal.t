#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# Commands on a terminal, driven through a pty, without a kernel.
import os
import signal
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

os.environ["TERM"] = "xterm"
bash = ["--", "bash", "--norc", "--noprofile", "-i"]

t = Terminal(FAKE, "run", *sh("tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo three; exit 3"), rows=33, cols=99)
ok(t.expect("/dev/pts/") and t.expect("33 99") and t.expect("three"), "a command on a terminal gets one of the same size", t.text)
same(t.wait(), 3, "and its status comes back")
ok(t.restored(), "the terminal is as it was")
t.close()

t = Terminal(FAKE, "run", *bash)
t.type("PS1=\"@\"\"@ \"\n")
ok(t.expect("@@ "), "an interactive shell prompts", t.text)
ok(t.raw(), "the terminal is raw meanwhile")
t.type("stty size\n")
ok(t.expect("24 80"), "it has the terminal's size", t.text)
t.resize(50, 132)
os.kill(t.proc.pid, signal.SIGWINCH)
time.sleep(0.2)
t.type("stty size\n")
ok(t.expect("50 132"), "and the new one after a change", t.text)
t.type("echo $TERM\n")
ok(t.expect("xterm\r\n"), "TERM is passed", t.text)

t.type("sleep 100\n")
time.sleep(0.5)
start = time.monotonic()
t.type("\x03")
t.type("echo status $?\n")
ok(t.expect("status 130") and time.monotonic() - start < 5, "Ctrl-C ends the foreground command", t.text)

t.type("sleep 100\n")
time.sleep(0.5)
t.type("\x1a")
ok(t.expect("Stopped"), "Ctrl-Z stops it", t.text)
t.type("jobs\n")
ok(t.expect("Stopped"), "the shell knows", t.text)
t.type("bg\n")
ok(t.expect("&"), "bg continues it", t.text)
t.type("kill %1; wait; echo gone\n")
ok(t.expect("gone\r\n"), "and it can be ended", t.text)
t.type("cat\n")
time.sleep(0.3)
t.type("line\n\x04")
ok(t.expect("line\r\n") and t.expect("line\r\n") and t.expect("@@ "), "Ctrl-D is the end of a command's input", t.text)
t.type("exit 6\n")
same(t.wait(), 6, "the shell's status comes back")
ok(t.restored(), "the terminal is as it was")
t.close()

# 1 MB through the terminal, so that it has to wait for its reader.
t = Terminal(FAKE, "run", *sh("stty -opost; head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end"))
got = 0
while b"end" not in t.text[-100:]:
    got = len(t.text)
    if not t.pump(5) or len(t.text) == got:
        break
same(t.text.count(b"x"), 1000000, "a megabyte to the terminal arrives")
t.wait()
t.close()

with open(os.path.join(TMP, "err"), "w+b") as err:
    t = Terminal(FAKE, "run", *sh("test -t 0 && test -t 1 && echo tty; test -t 2 || echo apart; echo e >&2"), stderr=err)
    ok(t.expect("tty") and t.expect("apart"), "a redirected stderr stays apart from the terminal", t.text)
    t.wait()
    err.seek(0)
    same(err.read(), b"e\n", "and gets what was written to it")
    t.close()

t = Terminal(FAKE, "run", *sh("test -t 0 || test -t 1 || echo pipes; cat"), stdout=subprocess.PIPE)
t.type("typed\n")
time.sleep(0.5)
ok(not t.raw(), "with stdout redirected the terminal stays as it is")
t.type("\x04")
same(t.wait(), 0, "Ctrl-D there is the end of stdin")
same(t.proc.stdout.read(), b"pipes\ntyped\n", "and the command has pipes")
t.close()

t = Terminal(FAKE, "run", *sh("echo up; exec cat"), stdout=subprocess.PIPE)
t.proc.stdout.readline()
t.type("\x03")
same(t.wait(), 130, "Ctrl-C there ends the command as SIGINT does")
t.close()

t = Terminal(FAKE, "run", "--no-tty", *sh("test -t 0 || echo none"))
ok(t.expect("none"), "--no-tty gives pipes", t.text)
t.wait()
t.close()
r = run("run", "--tty", *sh("test -t 0 && test -t 1 && echo tty"))
same(r.stdout, b"tty\r\n", "--tty gives a terminal")

for how, act, status in (("SIGTERM", lambda t: t.proc.send_signal(signal.SIGTERM), 143),
                         ("SIGHUP", lambda t: t.proc.send_signal(signal.SIGHUP), 129),
                         ("Ctrl-] three times", lambda t: t.type("\x1d\x1d\x1d"), 120),
                         ("SIGSEGV", lambda t: t.proc.send_signal(signal.SIGSEGV), -11),
                         ("SIGABRT", lambda t: t.proc.send_signal(signal.SIGABRT), -6)):
    t = Terminal(FAKE, "run", *sh("echo up; exec sleep 20"))
    t.expect("up")
    was_raw = t.raw()
    act(t)
    got = t.wait()
    ok(was_raw and t.restored() and got == status, f"{how} leaves the terminal as it was", was_raw, t.restored(), got)
    t.close()

def killed(prepare=lambda t: None):
    """A terminal whose ring3 was killed, and which of its processes are left."""
    t = Terminal(FAKE, "run", "--net", "none", *sh("echo up; exec sleep 20"))
    t.expect("up")
    was_raw = t.raw()
    with open(f"/proc/{t.proc.pid}/task/{t.proc.pid}/children") as f:
        family = f.read().split()
    prepare(t)
    t.proc.kill()
    t.proc.wait()
    left = not wait_until(lambda: not any(os.path.exists(f"/proc/{pid}/exe") for pid in family))
    return t, was_raw, len(family), left


t, was_raw, family, left = killed()
ok(was_raw and t.restored() and family == 2 and not left, "SIGKILL leaves the terminal as it was, and no process",
   was_raw, t.restored(), family, left)
t.close()


def change(t):
    other = termios.tcgetattr(t.slave)
    other[3] = t.before[3] & ~termios.ECHO
    termios.tcsetattr(t.slave, termios.TCSANOW, other)


t, was_raw, family, left = killed(change)
ok(not left and not t.raw() and not t.restored(), "what another program has set meanwhile stays", left)
t.close()

t = Terminal(FAKE, "run", "--timeout", "1", *sh("echo up; exec sleep 20"))
t.expect("up")
same((t.wait(), t.restored()), (124, True), "so does --timeout")
t.close()
t = Terminal(FAKE, "run", "--append", "fake.panic", "--", "true")
same((t.wait(), t.restored()), (121, True), "and a guest that panics")
t.close()

t = Terminal(FAKE, "run", *sh("echo up; exec sleep 20"))
t.expect("up")
t.proc.send_signal(signal.SIGTSTP)
stopped = wait_until(lambda: open(f"/proc/{t.proc.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T")
ok(stopped and t.restored(), "stopped by a signal, it leaves the terminal alone")
t.proc.send_signal(signal.SIGCONT)
ok(wait_until(t.raw), "continued, it takes it again")
t.close()

t = Terminal(FAKE, "run", "--append", "x", "--init", "/sbin/init")
ok(t.expect("fake console"), "with --init the console is on the terminal", t.text)
ok(t.raw(), "which is raw")
t.type("typed\r")
ok(t.expect("typed"), "what is typed reaches it", t.text)
t.type("reboot\r")
ok(t.expect("reboot") and t.expect("fake console"), "a guest that reboots starts again", t.text)
t.type("off\r")
same((t.wait(), t.restored()), (0, True), "a guest that powers off is 0")
t.close()
t = Terminal(FAKE, "run", "--init", "/sbin/init")
t.expect("fake console")
t.type("\x1d\x1d\x1d")
same((t.wait(), t.restored()), (120, True), "Ctrl-] three times ends it")
t.close()
done()
