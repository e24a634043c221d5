# SPDX-License-Identifier: GPL-2.0-or-later
"""Real programs, each in a machine of its own.

The times of rows in seconds are the guest's own; a second measurement, of when
its lines arrive here, shows a clock that does not run as the host's.
"""
import time

from . import measure

WORKLOADS = {
    "build": ("build_j2",),
    "shell": ("shell_script",),
    "bash": ("bash_fork", "bash_substitute", "bash_pipe", "bash_true", "bash_sed", "bash_all"),
    "python": ("python_start", "python_cpu"),
    "threads": ("four_threads_compute",),
    "sqlite": ("sqlite",),
    "files": ("git_status", "untar", "remove"),
    "pgbench": ("initdb", "pgbench_select", "pgbench_tpcb"),
    "redis": ("redis_set", "redis_get", "redis_set_pipelined", "redis_get_pipelined"),
    "fio": ("fio_seq_write", "fio_seq_read", "fio_rand_read", "fio_rand_write",
            "fio_seq_write_flush", "fio_rand_write_flush"),
}
ROWS = tuple(row for rows in WORKLOADS.values() for row in rows)

# Seconds, and a part of the time, that two clocks may differ by: lines take a while.
SLACK, PART = 1.0, 0.1


class Watch:
    """Compares what a guest says with when it says it."""

    def __init__(self, now=time.monotonic):
        self.now, self.begin, self.wrong = now, {}, {}

    def line(self, line):
        if "begin" in line:
            self.begin[line["begin"]] = self.now()
        elif "end" in line and line["end"] in self.begin:
            took = self.now() - self.begin[line["end"]]
            if abs(took - line["seconds"]) > SLACK + PART * took:
                self.wrong[line["end"]] = (f"wrong clock: {line['seconds']:.2f} s by its own, "
                                           f"{took:.2f} s by the host's")


def run(args, setup, chosen, rows, results):
    todo = [c for c in chosen if hasattr(c, "workload")]
    setup.prepare_workloads(args.systems)
    for name in [w for w, names in WORKLOADS.items() if set(names) & set(rows)]:
        words = [name, args.scale] + (["DISK"] if name == "fio" else [])
        for _, column in measure.in_turn(todo, args.workload_rounds, name):
            watch = Watch()
            lines, why = measure.run_once(column.workload(words), args.workload_timeout, watch.line)
            for row, wrong in watch.wrong.items():
                if row in lines:
                    lines[row].update(value=None, why=wrong)
            # A row that failed has said why; one that is not there has not.
            for row in WORKLOADS[name]:
                if row not in lines:
                    results.fail(column, row, why or "it ended without this row")
            results.take(column, lines, None, name)


def derived(rows):
    """What two CPUs bring to make -j2: the time on one over that on two."""
    build = next((row["cells"] for row in rows if row["name"] == "build_j2"), {})
    cells = {}
    for two, one in (("native@free", "native@one"), ("ring3-2@free", "ring3@free")):
        if build.get(one) and build.get(two):
            cells[two] = {"median": build[one]["median"] / build[two]["median"]}
    return [{"name": "build_j2_speedup", "unit": "x", "cells": cells}] if cells else []
