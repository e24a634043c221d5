#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# tags: slow
# The interactive shell on a terminal, driven through a pty.
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

RING3 = os.environ["RING3"]
os.environ["TERM"] = "xterm"


def shell(*options, **kw):
    t = Terminal(RING3, "run", "--timeout", "120", *options, **kw)
    # The echo of what is typed is not what is waited for.
    t.type("PS1='@'\"@ \"\n")
    t.prompted = t.expect("@@ ", 60)
    return t


def sees(t, command, *texts):
    t.type(command + "\n")
    return all(t.expect(text, 20) for text in texts) and t.expect("@@ ", 20)


def comes_to_see(t, command, text):
    """What takes its time, by asking again."""
    return wait_until(lambda: t.type(command + "\n") or t.expect(text, 1), 20) and t.expect("@@ ", 20)


t = shell(rows=31, cols=97)
ok(t.prompted, "a shell prompts", t.text)
ok(t.raw(), "the terminal is raw meanwhile")
ok(sees(t, "tty; id -u; test -t 0 && test -t 1 && test -t 2 && echo th''ree", "/dev/", "\n0\r\n", "three"),
   "it is root's, on a terminal", t.text)
ok(sees(t, "echo $TERM:$PWD:$HOME", "xterm:/root:/root"), "TERM is passed, it is at home", t.text)
ok(sees(t, "stty size", "31 97"), "stty size is the terminal's", t.text)
t.resize(50, 132)
t.proc.send_signal(signal.SIGWINCH)
ok(comes_to_see(t, "stty size", "50 132"), "and follows a change", t.text)
t.type("sh -c 'trap \"echo win\"\"ch\" WINCH; sleep 1; sleep 1'\n")
time.sleep(0.5)
t.resize(20, 70)
t.proc.send_signal(signal.SIGWINCH)
ok(t.expect("winch", 20) and t.expect("@@ ", 20), "of which the foreground command is told", t.text)
ok(sees(t, "stty -a", "rows 20", "columns 70"), "stty -a agrees", t.text)

t.type("sleep 100\n")
time.sleep(0.5)
start = time.monotonic()
t.type("\x03")
ok(t.expect("@@ ", 20) and sees(t, "echo status $?", "status 130"), "Ctrl-C ends the foreground command", t.text)
ok(time.monotonic() - start < 10, "at once")
t.type("sh -c 'trap \"echo cau''ght\" INT; echo wa''iting; sleep 3; echo w''ent on'\n")
t.expect("waiting", 20)
t.type("\x03")
ok(t.expect("caught", 20) and t.expect("went on", 20) and t.expect("@@ ", 20), "which may catch it", t.text)
t.type("sh -c 'echo wa''iting; exec cat'\n")
t.expect("waiting", 20)
t.type("\x1c")
ok(t.expect("Quit", 20) and t.expect("@@ ", 20), "Ctrl-\\ ends it too", t.text)
t.type("half a line\x15echo ot''her\n")
ok(t.expect("other\r\n", 20) and t.expect("@@ ", 20), "Ctrl-U takes a line back", t.text)
t.type("cat\n")
time.sleep(0.5)
t.type("line\n\x04")
ok(t.expect("line\r\nline\r\n", 20) and t.expect("@@ ", 20), "Ctrl-D is the end of a command's input", t.text)

ok(sees(t, "sleep 100 &", "[1]"), "a job in the background", t.text)
ok(sees(t, "jobs", "Running", "sleep 100"), "is listed", t.text)
t.type("fg\n")
ok(t.expect("sleep 100\r\n", 20), "fg brings it back", t.text)
time.sleep(0.5)
t.type("\x1a")
ok(t.expect("Stopped", 20) and t.expect("@@ ", 20), "Ctrl-Z stops it", t.text)
ok(sees(t, "ps -o stat= -C sleep", "T"), "so says ps", t.text)
ok(sees(t, "bg; jobs", "Running"), "bg lets it go on", t.text)
ok(sees(t, "kill %1; wait %1; echo st''atus $?", "status 143"), "and kill ends it", t.text)
t.type("cat &\n")
ok(t.expect("[1]", 20) and comes_to_see(t, "jobs", "Stopped"),
   "a job that reads from the background is stopped", t.text)
sees(t, "kill -9 %1; wait 2>/dev/null; echo", "\n")
ok(sees(t, "seq 1 5000 | tail -1; stty -echo; stty -a | grep -o -e -echo' '; stty echo", "5000", "-echo"),
   "terminal settings are the guest's own", t.text)
ok(t.raw(), "and do not change the caller's")
t.type("exit 6\n")
same(t.wait(30), 6, "the shell's status comes back")
ok(t.restored(), "the terminal is as it was")
t.close()

t = shell()
t.type("\x04")
same((t.wait(30), t.restored()), (0, True), "Ctrl-D ends the shell")
t.close()

# A megabyte that has to wait for its reader.
t = Terminal(RING3, "run", "--timeout", "60", *sh("stty -opost; head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end"))
while b"end" not in t.text[-100:] and t.pump(20):
    pass
same(t.text.count(b"x"), 1000000, "a megabyte to the terminal arrives")
t.wait()
t.close()

t = Terminal(RING3, "run", "--timeout", "60", *sh("test -t 0 || test -t 1 || echo pipes; cat"), stdout=subprocess.PIPE)
t.type("typed\n\x04")
same((t.wait(30), t.proc.stdout.read()), (0, b"pipes\ntyped\n"), "with stdout redirected the command has pipes")
ok(t.restored(), "and the terminal is left alone")
t.close()

for name, act, status in (("SIGTERM", lambda t: t.proc.send_signal(signal.SIGTERM), {143, 129}),
                          ("SIGHUP", lambda t: t.proc.send_signal(signal.SIGHUP), {129}),
                          ("SIGSEGV", lambda t: t.proc.send_signal(signal.SIGSEGV), {-signal.SIGSEGV}),
                          ("Ctrl-] three times", lambda t: t.type("\x1d\x1d\x1d"), {120})):
    t = shell()
    raw = t.raw()
    act(t)
    got = t.wait(30)
    ok(raw and t.restored() and got in status, f"{name} ends it and restores the terminal",
       f"raw before: {raw}, restored: {t.restored()}, status: {got}", t.text)
    t.close()

t = shell()
raw = t.raw()
t.proc.kill()
t.proc.wait()
ok(raw and wait_until(t.restored), "SIGKILL too", f"raw before: {raw}", t.text)
t.close()

t = Terminal(RING3, "run", "--timeout", "2", *sh("echo up; exec sleep 60"))
t.expect("up", 30)
same((t.wait(30), t.restored()), (124, True), "so does --timeout")
t.close()
t = Terminal(RING3, "run", "--timeout", "60", *sh("echo up; sleep 0.5; echo c > /proc/sysrq-trigger; sleep 60"))
t.expect("up", 30)
same((t.wait(30), t.restored()), (121, True), "and a guest that panics")
t.close()

t = shell()
t.proc.send_signal(signal.SIGTSTP)
stopped = wait_until(lambda: open(f"/proc/{t.proc.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T")
ok(stopped and t.restored(), "stopped, it gives the terminal back")
t.proc.send_signal(signal.SIGCONT)
ok(wait_until(t.raw) and sees(t, "echo a''live", "alive"), "continued, it takes it again", t.text)
t.type("exit\n")
t.wait(30)
t.close()
done()
