# SPDX-License-Identifier: GPL-2.0-or-later
"""One test: a process of its own starts it, reads its TAP, and ends what it leaves behind.

That process is the subreaper of all that the test starts, so several tests can
run beside each other, and what each of them costs is known.
"""
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

RESULT = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:- )?(.*)", re.S)
SKIP = re.compile(r"(.*?)\s*#\s*(SKIP|TODO)\b\S*\s*(.*)", re.I | re.S)
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*SKIP\S*\s*(.*))?$", re.I)


class Test:
    """Its tags and needs are those of tests/README.md."""

    def __init__(self, name, cmd, env=None, tap=True, timeout=120, tags=(), needs=(), nice=0):
        self.name, self.cmd, self.env = name, cmd, env or {}
        self.tap, self.timeout, self.tags, self.needs, self.nice = tap, timeout, tags, needs, nice

    def log(self):
        return os.path.join(os.environ["BUILD"], "test-logs", self.name.replace("/", "-") + ".log")


class Outcome:
    def __init__(self, passed=0, failed=(), skipped=(), seconds=0.0, cpu=0.0):
        self.passed, self.failed, self.skipped = passed, list(failed), [tuple(s) for s in skipped]
        self.seconds, self.cpu = seconds, cpu


def read_tap(text, status, out):
    plan, count = None, 0
    for line in text.splitlines():
        if m := PLAN.match(line):
            plan = int(m[1])
            if plan == 0:
                out.skipped.append(("all of it", m[2] or "no reason given"))
        elif line.startswith("Bail out!"):
            out.failed.append(line)
        elif line.startswith(("ok", "not ok")) and (m := RESULT.match(line)):
            count += 1
            skip = SKIP.match(m[3])
            if skip and not (m[1] and skip[2].upper() == "SKIP"):
                out.skipped.append((skip[1], skip[3] or "no reason given"))
            elif m[1]:
                out.failed.append(m[3])
            else:
                out.passed += 1
    if plan is None:
        out.failed.append(f"it ended without a plan (after {count} tests)")
    elif plan != count:
        out.failed.append(f"{plan} tests were planned, {count} ran")
    if status and not out.failed:
        out.failed.append(f"it ended with {how(status)}")


def how(status):
    return f"signal {-status}" if status < 0 else f"status {status}"


def orphans():
    """Processes that the test left: we are their subreaper."""
    left = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
        except ChildProcessError:
            break
    with open(f"/proc/self/task/{os.getpid()}/children") as f:
        for pid in map(int, f.read().split()):
            try:
                with open(f"/proc/{pid}/comm") as c:
                    left.append((pid, c.read().strip()))
            except OSError:
                pass
    return left


def end_orphans():
    while left := orphans():
        for pid, _ in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)


def clean_up(out):
    """A short while for what is about to end by itself, then an end to it."""
    deadline = time.monotonic() + 5
    while (left := orphans()) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        out.failed.append("it left processes behind: " +
                          ", ".join(f"{name} ({pid})" for pid, name in left))
    end_orphans()


def lower(nice):
    os.nice(nice)
    try:
        # Where each session is a group of the scheduler's, only this counts.
        with open("/proc/self/autogroup", "w") as f:
            f.write(str(nice))
    except OSError:
        pass


def end(p):
    """First so that it can remove what is half done."""
    os.killpg(p.pid, signal.SIGTERM)
    try:
        p.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()


def execute(test, out, env):
    """Its output; what else is wrong is in out."""
    log = test.log()
    with open(log, "wb") as f, open(log + ".err", "wb") as err:
        p = subprocess.Popen(test.cmd, stdin=subprocess.DEVNULL, stdout=f, stderr=err, env=env,
                             cwd=os.environ["REPO"], start_new_session=True, preexec_fn=(lambda: lower(test.nice)) if test.nice else None)
        try:
            status = p.wait(test.timeout)
        except subprocess.TimeoutExpired:
            end(p)
            status = 0
            out.failed.append(f"it did not end within {test.timeout} s")
        except KeyboardInterrupt:
            end(p)
            raise
    with open(log, errors="replace") as f:
        text = f.read()
    if test.tap:
        read_tap(text, status, out)
    elif status == 77:
        out.skipped.append(("all of it", text.strip().split("\n")[-1] or "no reason given"))
    elif status:
        out.failed.append(f"it ended with {how(status)}")
    elif not out.failed:
        out.passed += 1


def run(test):
    out = Outcome()
    tmp = tempfile.mkdtemp(prefix="ring3-")
    os.mkdir(f"{tmp}/tmp")
    os.mkdir(f"{tmp}/run", 0o700)
    env = dict(os.environ, **test.env, TMPDIR=f"{tmp}/tmp", XDG_RUNTIME_DIR=f"{tmp}/run", XDG_DATA_HOME=f"{tmp}/data")
    start = time.monotonic()
    try:
        execute(test, out, env)
        clean_up(out)
    except OSError as e:
        out.failed.append(f"it could not be run: {e.strerror}")
    finally:
        end_orphans()
        shutil.rmtree(tmp, ignore_errors=True)
    if os.environ.get("CI") == "true":
        out.failed += [f"{d}: skipped in CI: {why}" for d, why in out.skipped if not why.startswith("host: ")]
        out.skipped = [s for s in out.skipped if s[1].startswith("host: ")]
    out.seconds = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    out.cpu = used.ru_utime + used.ru_stime
    return out


def interrupt(*_):
    """Once: what follows is the end of what was started."""
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def start(test):
    """The process that runs it, and where its outcome can be read when it ends."""
    parent = os.getpid()
    r, w = os.pipe()
    pid = os.fork()
    if pid:
        os.close(w)
        return pid, r
    status = 1
    try:
        os.close(r)
        for number in signal.SIGTERM, signal.SIGINT:
            signal.signal(number, interrupt)
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == parent:
            text = json.dumps(vars(run(test))).encode()
            with open(w, "wb") as f:
                f.write(text)
            status = 0
    except KeyboardInterrupt:
        pass
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def outcome(pid, r):
    """Of what start() began: waits for it."""
    with open(r, "rb") as f:
        text = f.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Outcome(**json.loads(text)) if text and not status else Outcome(failed=[f"the process that ran it ended with {how(status)}"])
