# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests with images that qemu-storage-daemon serves."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

RING3 = os.environ["RING3"]
os.environ.setdefault("XDG_RUNTIME_DIR", TMP)
for program in ("qemu-img", "qemu-storage-daemon"):
    if not shutil.which(program):
        skip_all(f"host: no {program}")


def path(name):
    return os.path.join(TMP, name)


def run(*args, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("timeout", 120)
    return subprocess.run([RING3, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", **kw)


def guest(*args, **kw):
    return run("run", "--net", "none", "--timeout", "90", *args, **kw)


def image(*args):
    return run("image", *args)


def qemu_img(*args):
    subprocess.run(["qemu-img", *args], check=True, stdout=subprocess.DEVNULL)


def clean(file):
    r = image("check", file)
    return r.returncode == 0 and "in order" in r.stdout


def daemons(parent):
    """The processes of a `ring3 run` that serve its disks."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                comm, rest = f.read().rsplit(")", 1)
            if "qemu-storage" in comm and int(rest.split()[1]) == parent:
                found.append(int(pid))
        except OSError:
            pass
    return found


def start(*args, **kw):
    return subprocess.Popen([RING3, "run", "--net", "none", "--timeout", "110", *args], stdin=subprocess.DEVNULL,
                            stdout=kw.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, text=True, errors="replace", **kw)
