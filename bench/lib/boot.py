# SPDX-License-Identifier: GPL-2.0-or-later
"""Start-up: from process start to PID 1's first instruction, and to a shell.

All kernels boot the same initramfs (startup-init.c as PID 1, dash) with the
same memory. PID 1 reads the time stamp counter first of all; where the guest
has the host's counter, two readings of it beside CLOCK_MONOTONIC, before and
after, turn it into the host's time. Elsewhere PID 1's first line counts when it
arrives, as the shell's always does.
"""
import os
import signal
import subprocess
import threading
import time

from . import initramfs, measure, tools
from .tools import Problem

INIT_FLAGS = ("-nostdlib", "-ffreestanding", "-fno-tree-loop-distribute-patterns",
              "-fno-stack-protector", "-fno-pie", "-no-pie", "-Wall")
ROWS = ("boot_pid1", "boot_shell", "boot_debian_shell")


class Clock:
    """Turns readings of the time stamp counter into CLOCK_MONOTONIC."""

    def __init__(self, init):
        self.init = init
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
            flags = next((l for l in info if l.startswith("flags")), "").split()
        self.usable = "nonstop_tsc" in flags and "constant_tsc" in flags
        self.points = [self._read()]

    def _read(self):
        out = subprocess.run([self.init], capture_output=True, text=True, check=True).stdout
        _, ns, tsc = out.split()
        return int(tsc), int(ns)

    def mark(self):
        self.points.append(self._read())

    def ns(self, tsc):
        (t0, n0), (t1, n1) = self.points[0], self.points[-1]
        return n0 + (tsc - t0) * (n1 - n0) / (t1 - t0)


def boot(how, timeout):
    """Starts a machine: when, its PID 1's counter and line, and its shell's line; times in ns."""
    start = time.monotonic_ns()
    with subprocess.Popen(how["args"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=how.get("env"), start_new_session=True) as proc:
        seen, tsc, pid1, shell, last = b"", None, None, None, []
        killer = threading.Timer(timeout, os.killpg, (proc.pid, signal.SIGKILL))
        killer.start()
        try:
            while chunk := os.read(proc.stdout.fileno(), 4096):
                now = time.monotonic_ns()
                seen += chunk
                *lines, seen = seen.split(b"\n")
                for line in lines:
                    last = (last + [line.decode(errors="replace").strip()])[-5:]
                    if b"bench-pid1 " in line and pid1 is None:
                        tsc, pid1 = int(line.split(b"bench-pid1 ")[1].split()[0]), now
                    elif b"bench-shell " in line and shell is None:
                        shell = now
            proc.wait()
        finally:
            killer.cancel()
    if shell is None:
        raise Problem(" | ".join(last) or f"no output, status {proc.returncode}")
    return start, tsc, pid1, shell


def run(args, setup, chosen, results):
    init = tools.compile_static(os.path.join(setup.work, "startup-init"),
                                [os.path.join(tools.BENCH, "startup-init.c")], *INIT_FLAGS)
    cpio = os.path.join(setup.work, "startup.cpio")
    initramfs.write(cpio, init)
    clock, samples = Clock(init), []
    todo = [c for c in chosen if hasattr(c, "boot")]
    for number, column in measure.in_turn(todo, args.rounds + 1, "boot"):
        try:
            how = column.boot(cpio)
            start, tsc, pid1, shell = boot(how, args.timeout)
            if number:			# the first round fills caches
                counter = tsc if how.get("tsc") and clock.usable and tsc else None
                samples.append((column, start, counter, pid1))
                results.add(column, "boot_shell", "ms", (shell - start) / 1e6)
            if hasattr(column, "boot_debian"):
                start, _, _, shell = boot(column.boot_debian(), args.timeout)
                if number:
                    results.add(column, "boot_debian_shell", "ms", (shell - start) / 1e6)
        except Problem as why:
            results.fail(column, "boot", str(why))
    clock.mark()
    for column, start, counter, pid1 in samples:
        end = clock.ns(counter) if counter else pid1
        if end:
            results.add(column, "boot_pid1", "ms", (end - start) / 1e6)
