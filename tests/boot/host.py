# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest is to the host: its processes, their cost, and what they leave."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

RING3 = os.environ["RING3"]
os.environ.setdefault("XDG_RUNTIME_DIR", TMP)
TICK = os.sysconf("SC_CLK_TCK")


def comm(pid):
    """What the host calls a process; nothing if it is gone."""
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


def run(*args, **kw):
    """ring3 SUBCOMMAND..., as subprocess.run() with output captured."""
    if "input" not in kw:
        kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("timeout", 120)
    return subprocess.run([RING3, *args], stdout=kw.pop("stdout", subprocess.PIPE),
                          stderr=kw.pop("stderr", subprocess.PIPE), **kw)


def guest(*args, **kw):
    return run("run", "--timeout", "90", *args, **kw)


class Guest:
    """A guest in the background. Its output is kept and can be waited for."""

    def __init__(self, *args, timeout=120, ring3=RING3, **kw):
        self.text = b""
        self.proc = subprocess.Popen([ring3, "run", "--timeout", str(timeout), *args],
                                     stdin=kw.pop("stdin", subprocess.PIPE), stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, **kw)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while data := os.read(self.proc.stdout.fileno(), 65536):
            self.text += data

    def expect(self, text, seconds=60):
        """Waits for text, or for the guest's end."""
        end = time.monotonic() + seconds
        while text.encode() not in self.text and time.monotonic() < end and self.reader.is_alive():
            time.sleep(0.01)
        return text.encode() in self.text

    def type(self, text):
        self.proc.stdin.write(text.encode())
        self.proc.stdin.flush()

    def wait(self, seconds=60):
        """Its exit status, None if it does not end."""
        try:
            self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self.reader.join(10)
        return self.proc.returncode

    def monitor(self):
        return next((pid for pid in children(self.proc.pid) if comm(pid) == "ring3-monitor"), None)

    def family(self):
        """All its host processes: ring3, monitor, zygote, spaces."""
        return descendants(self.proc.pid)

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as f:
            found += map(int, f.read().split())
    return found


def descendants(pid):
    found = [pid]
    for p in found:
        try:
            found += children(p)
        except OSError:
            pass
    return found


def born(pid):
    """What tells a process from a later one of the same number."""
    try:
        return stat(pid)[19]
    except OSError:
        return None


def stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()


def alive(births):
    """Which of {pid: born} still run."""
    def is_alive(pid, when):
        try:
            fields = stat(pid)
            return fields[19] == when and fields[0] not in "ZX"
        except OSError:
            return False
    return [pid for pid, when in births.items() if is_alive(pid, when)]


def births(pids):
    return {pid: born(pid) for pid in pids}


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            fields = stat(pid)
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICK


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError:
            pass
    return total


def files():
    """Where guests may leave files, without the directories they share."""
    found = set()
    for top in {TMP, os.environ["XDG_RUNTIME_DIR"], "/dev/shm"}:
        for folder, _, names in os.walk(top):
            found |= {os.path.join(folder, name) for name in names}
    return found
