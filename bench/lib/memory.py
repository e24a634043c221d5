# SPDX-License-Identifier: GPL-2.0-or-later
"""What an idle guest costs the host, and each further process in it.

The sum of the proportional set sizes (PSS) of all of a machine's host processes, once the
guest has nothing left to do: with micro alone, and with N more processes that
were forked from it and sleep. The difference is what a process costs; natively,
as everywhere, most of it is the process's own pages.
"""
import glob
import json
import os
import signal
import subprocess
import time

from . import measure
from .tools import Problem

ROWS = ("idle_pss", "process_pss", "host_processes")


def processes(root):
    """The process and all that descend from it."""
    children = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat, encoding="utf-8", errors="replace") as f:
                text = f.read()
        except OSError:
            continue
        pid, parent = int(text.split()[0]), int(text.rsplit(")", 1)[1].split()[1])
        children.setdefault(parent, []).append(pid)
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def pss_kb(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += sum(int(l.split()[1]) for l in f if l.startswith("Pss:"))
        except OSError as why:
            if why.errno not in (2, 3):		# it has ended
                raise Problem(f"the memory of process {pid} cannot be read: {why.strerror}") from why
    return total


def sleeping(column, waiters, settle):
    """PSS in KB with that many sleeping processes, and the number of host processes."""
    how = column.micro(["-w", str(waiters)])
    stdin = open(how["stdin"], "rb") if "stdin" in how else subprocess.DEVNULL
    proc = subprocess.Popen(how["args"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=how.get("env"), start_new_session=True)
    last = ""
    try:
        for raw in proc.stdout:
            last = raw.decode(errors="replace").strip()
            if '{"waiting"' in last:
                break
        else:
            raise Problem(last or "no output")
        state = json.loads(last[last.index('{"waiting"'):])
        if state["waiting"] != waiters:
            raise Problem(f"only {state['waiting']} of {waiters} processes: {state['why']}")
        time.sleep(settle)
        pids = processes(proc.pid)
        return pss_kb(pids), len(pids)
    finally:
        for pid in processes(proc.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        proc.wait()
        proc.stdout.close()
        if stdin is not subprocess.DEVNULL:
            stdin.close()


def run(args, chosen, results):
    # Where a machine runs does not change what it holds.
    place = args.places[0]
    for _, column in measure.in_turn([c for c in chosen if c.place == place], args.memory_rounds, "memory"):
        try:
            idle, _ = sleeping(column, 0, args.settle)
            many, count = sleeping(column, args.waiters, args.settle)
        except Problem as why:
            results.fail(column, "memory", str(why))
            continue
        results.add(column, "idle_pss", "MB", idle / 1024)
        results.add(column, "process_pss", "KB", (many - idle) / args.waiters)
        results.add(column, "host_processes", "", count)
