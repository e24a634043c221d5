#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# Bad input and guests that fail: one clear sentence each, and the right status.
import json
import os
import resource
import subprocess
import sys
import time
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *


def refused(args, text, status=125, **kw):
    r = run(*args, **kw)
    line = r.stderr.decode()
    ok(r.returncode == status and text in line and line.count("\n") == 1 and line.startswith("ring3: "),
       f"{' '.join(args)[:60]}: {text}", r)


def harmless(text):
    """UTF-8 without controls (but line ends) and format characters."""
    try:
        return not any(c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in text.decode())
    except UnicodeDecodeError:
        return False


cmd = ["--", "true"]
refused(["rum"], "did you mean run?")
refused(["frobnicate"], "ring3 --help")
refused(["run", "--memm", "1G"], "did you mean --mem?")
refused(["run", "--cpu", "2"], "did you mean --cpus?")
refused(["run", "--xyzzy"], "--help")
refused(["run", "--mem"], "needs a value")
refused(["run", "--root-rw=1"], "takes no value")
refused(["run", "--verb", *cmd], "did you mean --verbose?")
refused(["run", "--mem=1G", "-vz", *cmd], "unknown option -vz")
refused(["run", "--append", "--"], "no guest kernel given", env={k: v for k, v in os.environ.items() if k != "RING3_KERNEL"})
refused(["run", "ls"], "after --")
refused(["run", "--mem", "lots", *cmd], "512M")
refused(["run", "--mem", "512", *cmd], "512M")
refused(["run", "--mem", "32M", *cmd], "64M")
refused(["run", "--mem", "900T", *cmd], "more than this host has")
refused(["run", "--cpus", "0", *cmd], "1 to 64")
refused(["run", "--cpus", "65", *cmd], "1 to 64")
refused(["run", "--cpus", "two", *cmd], "1 to 64")
refused(["run", "--timeout", "soon", *cmd], "10m")
refused(["run", "--timeout", "0", *cmd], "10m")
refused(["run", "--timeout", "nan", *cmd], "10m")
refused(["run", "--user", "root", *cmd], "UID")
refused(["run", "--env", "NAME", *cmd], "NAME=VALUE")
refused(["run", "--kernel", "/no/vmlinux", *cmd], "cannot open the guest kernel /no/vmlinux")
refused(["run", "--kernel", "/tmp", *cmd], "there is no vmlinux in /tmp")
refused(["run", "--kernel", "/dev/null", *cmd], "not a regular file")
refused(["run", "--initrd", "/dev/null", *cmd], "not a regular file")
refused(["run", "--root", "/no/disk", *cmd], "/no/disk does not exist")
refused(["run", "--disk", "/no/disk", *cmd], "/no/disk does not exist")
refused(["run", "--init", "sbin/init"], "absolute path")
refused(["run", "--init", "/sbin/init", *cmd], "exclude each other")
refused(["run", "--root-rw", "--root-ro", *cmd], "exclude each other")
refused(["run", "--append", "x" * 5000, *cmd], "longer than")
refused(["run", "--init", "/sbin/init x"], "without spaces")
for name in ("RING3_KERNEL", "RING3_INITRD"):
    refused(["run", *cmd], name, env={k: v for k, v in os.environ.items() if k != name})
empty = os.path.join(TMP, "empty")
open(empty, "w").close()
refused(["run", "--kernel", empty, *cmd], "is empty")
refused(["run", "--root", empty, *cmd], "is empty")
refused(["run", *cmd], "no ephemeral disk overlay", env=dict(os.environ, TMPDIR="/nowhere"))
refused(["exec"], "which guest?")
refused(["stop"], "which guest?")

p = spawn("run", "--root-rw", *sh("echo up; exec sleep 30"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
p.stdout.readline()
refused(["run", *cmd], "is being written by another guest")
refused(["run", "--root-rw", *cmd], "is in use by another guest")
p.kill()
p.wait()
same(wait_until(lambda: run("run", "--root-rw", *cmd).returncode == 0), True, "the lock goes with its guest")

r = run("run", "--append", "fake.panic", *cmd)
ok(r.returncode == 121 and b"Kernel panic" in r.stderr and harmless(r.stderr),
   "a panic is shown and is 121; a guest's text does not control the terminal", r)
refused(["run", "--append", "fake.config", *cmd], "cannot be configured", 125)
r = run("run", "--append", "fake.host", *cmd)
ok(r.returncode == 122 and b"the fake host failed" in r.stderr, "a host that fails the guest is 122", r)
r = run("run", "--append", "fake.crash", *cmd)
ok(r.returncode == 122 and b"signal 11" in r.stderr, "a monitor that crashes is 122", r)
# An agent's words: the kernel's name, why a command or the guest cannot go on.
nasty = "\033[2J\n\tring3: x \u007f\u009b2J\u061c\u200e\u202e\u2066\u200b\ufeff".encode() + b"\xff\xc3"
agent = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nasty_agent.py")
for what in ("session", "link"):
    r = run("run", *cmd, env=dict(os.environ, R3INIT=agent, NASTY=what, NASTY_TEXT=nasty.hex()))
    ok(r.returncode in (1, 125) and r.stderr.count(b"\n") == 1 and b"ring3: x" in r.stderr and harmless(r.stderr),
       f"an error of the {what} is one line without controls", r)
r = run("run", "--", "true", *(["y" * 100000] * 12), env=dict(os.environ, R3INIT=agent, NASTY="output", NASTY_TEXT=""))
# It may come before ring3 has the session.
ok((r.returncode == 125 and b"too long" in r.stderr) or (r.returncode == 123 and b"of a session that is not" in r.stderr),
   "output of a session that was not asked for does no harm", r.returncode, r.stderr)
p = spawn("run", "--name", "nasty", *cmd, stdin=subprocess.DEVNULL,
          env=dict(os.environ, R3INIT=agent, NASTY="run", NASTY_TEXT=nasty.hex()))
info = lambda *args: run("ps", *args).stdout
wait_until(lambda: b'"running"' in info("--json"))
ok(harmless(info("--json")) and len(info("--json").splitlines()) == 1 and
   json.loads(info("--json"))["kernel"].count("?") > 5, "a kernel's name in ps --json is valid UTF-8 without controls", info("--json"))
run("stop", "--force", "nasty")
p.wait(10)
p = spawn("run", "--name", "words", "--", "sh", "-c", "exec sleep 60", nasty, b"\xe2\x80\xae", stdin=subprocess.DEVNULL)
wait_until(lambda: b'"running"' in info("--json"))
ok(harmless(info("--json")) and json.loads(info("--json"))["command"][4] == "\u202e",
   "a command's words too, and they are kept", info("--json"))
ok(harmless(info()) and len(info().splitlines()) == 2, "ps without options has a line for it without controls", info())
run("stop", "--force", "words")
p.wait(10)
refused(["run", "--append", "fake.off", *cmd], "powered off before", 120)
refused(["run", "--append", "fake.garbage", *cmd], "agent protocol error", 123)
refused(["run", "--append", "fake.badhello", *cmd], "version", 123)
p = spawn("run", "--net", "none", "--append", "fake.flood", *cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
same(p.wait(90), 123, "a guest that sends more than it may is ended")
ok(b"granted" in p.stderr.read(), "and that is said")
start = time.monotonic()
r = run("run", "--timeout", "0.5", "--append", "fake.hang", *cmd)
ok(r.returncode == 124 and b"fake kernel" in r.stderr and time.monotonic() - start < 5,
   "--timeout ends a guest that hangs before it is ready, with its last words", r)
start = time.monotonic()
r = run("run", "--timeout", "1s", "--", "sleep", "60")
ok(r.returncode == 124 and time.monotonic() - start < 5, "--timeout ends a command", r)
r = run("run", "-v", *cmd)
ok(b"fake kernel" in r.stderr and r.returncode == 0, "-v shows the console", r)

if os.getuid():
    p = spawn("run", *cmd, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (0, 0)))
    ok(p.wait(10) == 125 and b"ulimit -u" in p.stderr.read(), "too few processes allowed is said")


def squatted(what, text, make):
    """A guest without a name runs without a control socket, which is said; one with a name does not start."""
    base = os.path.join(TMP, what.replace(" ", "-"))
    os.makedirs(base, exist_ok=True)
    make(os.path.join(base, "ring3"))
    env = dict(os.environ, XDG_RUNTIME_DIR=base)
    r = run("run", *sh("echo fine"), env=env)
    line = r.stderr.decode()
    ok((r.returncode, r.stdout) == (0, b"fine\n") and line.count("\n") == 1 and
       all(t in line for t in ("will not find this guest", text, f"{base}/ring3", "XDG_RUNTIME_DIR")),
       f"{what}: a guest runs, and one sentence says that it has no control socket", r)
    refused(["run", "--name", "x", *cmd], f"{base}/ring3", env=env)
    refused(["ps", "-q"], text, 1, env=env)


def mkdir(path, mode=0o700, uid=-1):
    os.mkdir(path)
    os.chmod(path, mode)
    os.chown(path, uid, -1)


if os.getuid() == 0:
    squatted("a directory of another user", "belongs to user 54321", lambda path: mkdir(path, 0o777, 54321))
squatted("a directory open to others", "not yours alone", lambda path: mkdir(path, 0o777))
squatted("a file", "Not a directory", lambda path: open(path, "w").close())
squatted("a link", "ot a directory", lambda path: os.symlink(TMP, path))
r = run("run", *cmd, env=dict(os.environ, XDG_RUNTIME_DIR="/proc"))
ok(r.returncode == 0 and b"XDG_RUNTIME_DIR" in r.stderr and r.stderr.count(b"\n") == 1, "also where none can be made", r)
refused(["run", "--name", "x", *cmd], "XDG_RUNTIME_DIR", env=dict(os.environ, XDG_RUNTIME_DIR="/proc"))

for sub in ("run", "ps", "exec", "console", "stop", "doctor"):
    r = run(sub, "--help")
    ok(r.returncode == 0 and r.stdout.startswith(b"Usage: ring3 " + sub.encode()) and
       max(len(line) for line in r.stdout.decode().splitlines()) <= 80, f"{sub} --help", r.stdout.decode())
r = run("doctor")
ok(r.returncode in (0, 1) and b"system call lists" in r.stdout, "doctor looks at the host", r)
done()
