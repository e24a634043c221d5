# SPDX-License-Identifier: GPL-2.0-or-later
"""Running the columns in turn, and what comes out of a run.

A program under test writes one line of JSON for each row: {"name", "unit",
"value"}, or "value": null with "why". Rows keep the order in which they first
came.
"""
import json
import os
import signal
import subprocess
import threading

from .tools import note, spread


def end(proc):
    """Ends a program's whole session; what it started dies with it."""
    try:
        os.killpg(proc.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run_once(how, timeout, on_line=None):
    """One run: {row: line}, and why it ended early or None."""
    stdin = open(how["stdin"], "rb") if "stdin" in how else subprocess.DEVNULL
    lines, other, late = {}, [], []
    try:
        with subprocess.Popen(how["args"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=how.get("env"), cwd=how.get("cwd"), start_new_session=True) as proc:
            def stop():
                late.append(True)
                end(proc)
            killer = threading.Timer(timeout, stop)
            killer.start()
            try:
                for raw in proc.stdout:
                    line = parse(raw.decode(errors="replace"))
                    if isinstance(line, str):
                        other.append(line)
                        continue
                    if on_line:
                        on_line(line)
                    if "name" in line:
                        lines[line["name"]] = line
                try:			# it may close its output and not end
                    proc.wait(10)
                except subprocess.TimeoutExpired:
                    pass
            finally:
                killer.cancel()
                end(proc)
            proc.wait()
    finally:
        if stdin is not subprocess.DEVNULL:
            stdin.close()
    said = " | ".join(l for l in other[-3:] if l)
    if late:
        return lines, f"not done after {timeout} s" + (f": {said}" if said else "")
    if not lines:
        return lines, said or f"no output, status {proc.returncode}"
    if proc.returncode:
        return lines, f"status {proc.returncode} after {list(lines)[-1]}: {said}"
    return lines, None


def parse(text):
    """A row's line as a dict, anything else as the text it is. A console may have put
    a kernel's message in front."""
    text = text.strip()
    if '{"' in text:
        try:
            line = json.loads(text[text.index('{"'):])
            if isinstance(line, dict):
                return line
        except ValueError:
            pass
    return text


class Results:
    """Values by row and column."""

    def __init__(self):
        self.rows = {}		# name -> {"unit": ..., "values": {column id: [...]}}
        self.failures = {}

    def row(self, name, unit):
        return self.rows.setdefault(name, {"unit": unit, "values": {}})

    def add(self, column, name, unit, value, why=None):
        row = self.row(name, unit)
        if value is None:
            self.fail(column, name, why or "?")
        else:
            row["values"].setdefault(column.id, []).append(value)

    def fail(self, column, name, why):
        self.failures[f"{column.title}, {column.place}: {name}"] = why
        note(f"{column.title}, {column.place}: {name}: {why}")

    def take(self, column, lines, why, what):
        for name, line in lines.items():
            self.add(column, name, line.get("unit", ""), line.get("value"), line.get("why"))
        if why:
            self.fail(column, what, why)

    def report(self, chosen, order=None):
        """Rows as they go into the JSON: medians, and ratios to native in the same place."""
        names = [n for n in order if n in self.rows] if order else []
        names += [n for n in self.rows if n not in names]
        rows = []
        for name in names:
            row, cells = self.rows[name], {}
            for column in chosen:
                cell = spread(row["values"].get(column.id, []))
                native = spread(row["values"].get(f"native@{column.place}", []))
                if cell and native and native["median"]:
                    cell["ratio"] = cell["median"] / native["median"]
                cells[column.id] = cell
            rows.append({"name": name, "unit": row["unit"], "cells": cells})
        return rows


def in_turn(chosen, rounds, what):
    """Every column once a round, each round beginning with another one, so that
    what the machine does meanwhile hits all alike."""
    order = list(chosen)
    for number in range(rounds):
        for column in order:
            note(f"{what}, round {number + 1} of {rounds}: {column.title}, {column.place}")
            yield number, column
        order = order[1:] + order[:1]


def micro(args, chosen, names, results):
    words = ["-t", str(args.time), "-s", str(args.samples), ",".join(names)]
    for _, column in in_turn(chosen, args.rounds, "micro"):
        lines, why = run_once(column.micro(words), args.timeout)
        results.take(column, lines, why, "micro")
