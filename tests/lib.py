# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP and terminals for tests in Python; see tests/README.md.

    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    from lib import *
    same(run("run", "--", "echo", "hi").stdout, b"hi\\n", "a command's output comes back")
    done()
"""
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

TMP = os.environ.get("TMPDIR", "/tmp")

def mutation_kernel():
    """From here on guests of this test have the kernel whose walls can be taken out, and which
    watches what spaces have mapped unless ring3_debug_spaces=0 is on its command line."""
    p = subprocess.run([os.environ["REPO"] + "/tests/prepare", "kernel-mutation"], stdout=subprocess.PIPE, check=True)
    os.environ["RING3_KERNEL"] = p.stdout.decode().strip() + "/vmlinux"
    os.environ.pop("RING3_MODULES", None)


def build_without(walls, *targets):
    """Targets of the host tools' build without these walls, as files of this test's own."""
    folder = tempfile.mkdtemp(prefix="without-", dir=TMP)
    subprocess.run([os.environ["REPO"] + "/tests/prepare", "without", ",".join(walls), folder, *targets], check=True)
    return [os.path.join(folder, os.path.basename(t)) for t in targets]


count = 0
failed = 0


def ok(good, what, *why):
    global count, failed
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    if not good:
        failed += 1
        for line in "\n".join(str(w) for w in why).splitlines()[:60]:
            print("# " + line)
    sys.stdout.flush()
    return good


def same(got, want, what):
    return ok(got == want, what, f"got:  {got!r}", f"want: {want!r}")


def skip(what, why):
    """A reason that this host gives starts with "host: "."""
    global count
    count += 1
    print(f"ok {count} - {what} # SKIP {why}", flush=True)


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def done():
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


def wait_until(what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = what()
        if result:
            return result
        time.sleep(0.01)
    return False


def sh(text):
    return ["--", "sh", "-c", text]


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *argv, rows=24, cols=80, stdout=None, stderr=None, env=None):
        self.master, slave = pty.openpty()
        self.resize(rows, cols)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.text = b""

        def child():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.proc = subprocess.Popen(argv, stdin=slave, stdout=stdout or slave, stderr=stderr or slave,
                                     preexec_fn=child, env=env)

    def resize(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def pump(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += os.read(self.master, 65536)
            except OSError:
                return False
        return True

    def expect(self, text, seconds=10):
        """Waits for text, and forgets what came up to it."""
        end = time.monotonic() + seconds
        want = text.encode()
        while want not in self.text:
            if time.monotonic() > end or not self.pump(0.1):
                return False
        self.text = self.text[self.text.index(want) + len(want):]
        return True

    def raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def wait(self, seconds=10):
        end = time.monotonic() + seconds
        while self.proc.poll() is None and time.monotonic() < end:
            self.pump(0.05)
        while select.select([self.master], [], [], 0)[0] and self.pump(0):
            pass
        return self.proc.poll()

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        os.close(self.master)
        os.close(self.slave)
