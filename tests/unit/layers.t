#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Who includes whom, and who calls whom, in cli/, guest/, lib/ and wire/: downwards
# only, in no circle.
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

TOP = os.environ.get("REPO", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
# Folders that a part may include from, besides itself and abi/.
BELOW = {"wire": [], "guest": ["wire"], "cli": ["wire", "monitor"], "lib": ["wire", "monitor", "cli"]}
# What is one module in more than one file.
ONE = {"machine_agent": "machine", "machine_signal": "machine", "machine_hold": "machine", "machine_end": "machine", "debug": "cli", "dump": "cli", "pause": "cli", "machine_ops": "machine", "machine_memory": "machine", "machine_limits": "machine", "machine_plug": "machine", "machine_plug_ops": "machine", "machine_share": "machine", "set": "cli", "hotplug": "cli", "control_call": "control", "control_stream": "control", "control_client": "control", "spawn_child": "spawn", "stdin": "session",
       "boot": "agent", "modules": "agent", "port": "agent", "power": "agent", "report": "agent", "setup": "agent",
       "labup": "cli", "labdown": "cli", "labstatus": "cli",
       "run": "cli", "ps": "cli", "exec": "cli", "console": "cli", "stop": "cli", "image": "cli", "doctor": "cli", "main": "cli", "rootsmain": "cli", "cp": "cli", "logs": "cli", "api": "cli", "events": "cli", "stats": "cli", "top": "cli", "systemd": "cli", "kill": "cli", "rename": "cli", "start": "cli", "wait": "cli", "rm": "cli", "web": "cli", "kernel": "cli", "kerneltests": "cli", "copy": "agent"}


def includes(path):
    with open(path) as f:
        return re.findall(r'^#include "([^"]+)"', f.read(), re.M)


def symbols(part):
    """{module: its symbols} that are defined, and that are used."""
    defined, used = {}, {}
    for path in glob.glob(os.path.join(os.environ["BUILD"], part, "*.p", "[a-z]*.c.o")):
        file = os.path.basename(path)
        module = ONE.get(file[:-4], file[:-4])
        out = subprocess.run(["nm", path], check=True, stdout=subprocess.PIPE).stdout.decode()
        for kind, symbol in re.findall(r"^[0-9a-f ]{16} (\w) (\w+)$", out, re.M):
            (used if kind == "U" else defined).setdefault(module, set()).add(symbol)
    return defined, used


for part, below in BELOW.items():
    files = [f for f in os.listdir(os.path.join(TOP, part)) if f.endswith((".c", ".h"))]
    ok(files, f"{part}/ has sources")
    graph, wrong = {}, []
    for file in files:
        module = ONE.get(file[:-2], file[:-2])
        for name in includes(os.path.join(TOP, part, file)):
            if name.endswith("_mutation.h"):
                continue
            if name in files:
                other = ONE.get(name[:-2], name[:-2])
                # The list of subcommands' exit statuses and mains is for all.
                if other != module and name != "cli.h":
                    graph.setdefault(module, set()).add(other)
            elif not any(os.path.exists(os.path.join(TOP, b, name)) for b in below):
                wrong.append((file, name))
    same(wrong, [], f"{part}/ includes abi/, itself and {' and '.join(below) or 'nothing else'}")

    defined, used = symbols(part)
    for module, names in used.items():
        graph.setdefault(module, set()).update(m for m in defined if m != module and defined[m] & names)

    def circle(module, path):
        if module in path:
            return path[path.index(module):] + [module]
        return next((c for m in sorted(graph.get(module, ())) if (c := circle(m, path + [module]))), None)

    same(next((c for m in sorted(graph) if (c := circle(m, []))), None), None, f"no circle in {part}/")
    if part != "wire":
        ok(len(defined) >= min(5, len([f for f in files if f.endswith(".c")])), f"{part}/ was built", defined.keys())
done()
