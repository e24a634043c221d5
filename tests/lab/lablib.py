# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs for tests: written to a folder of their own, brought up, and gone at the end."""
import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *  # noqa: F401,F403
from lib import TMP

RING3 = os.environ["RING3"]
# What runs must not be another test's, nor the user's own.
HOME = tempfile.mkdtemp(prefix="lab.", dir=TMP)
os.environ["XDG_RUNTIME_DIR"] = os.path.join(HOME, "run")
os.environ["XDG_DATA_HOME"] = os.path.join(HOME, "data")
os.mkdir(os.environ["XDG_RUNTIME_DIR"], 0o700)


def ring3(*words, timeout=110, **more):
    return subprocess.run([RING3, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, encoding="utf-8", errors="replace", **more)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def lab(name, text, file="ring3.yaml"):
    """A folder with one file."""
    folder = os.path.join(HOME, name)
    write(os.path.join(folder, file), text)
    return folder


def inside(guest, command, timeout=60):
    p = ring3("exec", "--no-tty", guest, "--", "sh", "-c", command, timeout=timeout)
    return p.stdout + p.stderr


def status(*words):
    return json.loads(ring3("status", "--json", *words).stdout or "{}")


def states(*words):
    return {m["name"]: m["state"] for m in status(*words).get("machines", [])}


def guests():
    return sorted(ring3("ps", "-q").stdout.split())


def switches():
    return sorted(json.loads(line)["name"] for line in ring3("net", "ls", "--json").stdout.splitlines())


def left():
    """All that is left of labs: guests, switches, files."""
    files = []
    for top in (os.environ["XDG_RUNTIME_DIR"], os.environ["XDG_DATA_HOME"]):
        for folder, _, names in os.walk(top):
            files += [os.path.join(folder, n) for n in names]
    return guests() + switches() + files


def end():
    for guest in guests():
        ring3("stop", "--force", guest)
    for switch in switches():
        ring3("net", "rm", switch)
    shutil.rmtree(HOME, ignore_errors=True)


atexit.register(end)
