#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# What mutation tests leave out is left out when ring3 is built, and only then: what
# is shipped has every wall, and no switch for any.
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

REPO, BUILD, RING3 = os.environ["REPO"], os.environ["BUILD"], os.environ["RING3"]
HEADERS = {"space/mutation.h": "space/zygote.c", "monitor/base/mutation.h": "monitor/jail/jail.c"}


def command_of(build, path):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        for entry in json.load(f):
            if os.path.realpath(os.path.join(build, entry["file"])) == os.path.join(os.path.realpath(REPO), path):
                return shlex.split(entry["command"])
    return None


def missing_walls(build):
    """Names of walls that the compiler, called as for this build, leaves out."""
    found = []
    for header, path in HEADERS.items():
        with open(os.path.join(REPO, header), encoding="utf-8") as f:
            names = [n for n in re.findall(r"^#ifndef (MUTATION_\w+)", f.read(), re.M) if n != "MUTATION_H"]
        cmd = command_of(build, path)
        # Only what says how to compile, not where to and what from.
        cmd = cmd[:cmd.index("-MD")]
        text = f'#include "{os.path.join(REPO, header)}"\n' + "".join(f"@{n[9:]} {n}\n" for n in names)
        r = subprocess.run([*cmd, "-E", "-P", "-xc", "-"], cwd=build, input=text, stdout=subprocess.PIPE, check=True, text=True)
        value = dict(re.findall(r"^@(\w+) (\w+)$", r.stdout, re.M))
        found += [n for n in names if value.get(n[9:]) != "0"]
    return found


same(missing_walls(BUILD), [], "this build leaves no wall out")
folder = os.path.join(TMP, "mutated")
subprocess.run(["meson", "setup", folder, REPO, "-Dmutation=origin,jail-lists"], check=True, stdout=subprocess.DEVNULL)
same(missing_walls(folder), ["MUTATION_ORIGIN", "MUTATION_JAIL_LISTS"], "one that leaves some out is seen: this test can fail")
shutil.rmtree(folder)

for what, path in (("ring3", RING3), ("the spaces' program", os.path.join(BUILD, "space/r3space"))):
    bare = os.path.join(TMP, "bare")
    subprocess.run(["objcopy", "--strip-debug", path, bare], check=True)
    with open(bare, "rb") as f:
        same(re.findall(rb"(?i)[\w./-]*mutation[\w./-]*", f.read()), [], f"{what} knows none")
if not os.environ.get("RING3_KERNEL"):
    skip("the guest kernel knows none", "no kernel")
else:
    with open(os.environ["RING3_KERNEL"], "rb") as f:
        ok(b"ring3.mutation" not in f.read(), "the guest kernel has no parameter for any")
done()
