# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP, and the ring3 program with a guest that is the agent as a host process."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

BUILD = os.environ["BUILD"]
FAKE = os.path.join(BUILD, "cli", "ring3-fake")

# What the same program with a real guest needs, for tests of both together.
REAL = os.environ.get("RING3")
REAL_ENV = dict(os.environ)

os.environ["R3INIT"] = os.path.join(BUILD, "guest", "r3init")
os.environ.setdefault("XDG_RUNTIME_DIR", TMP)
for var, name, text in (("RING3_KERNEL", "kernel", b"kernel\n"), ("RING3_INITRD", "initrd", b"initrd\n"),
                        ("RING3_ROOT", "root.img", bytes(1 << 20))):
    path = os.path.join(TMP, "fake-" + name)
    with open(path, "wb") as f:
        f.write(text)
    os.environ[var] = path
os.environ.pop("RING3_MODULES", None)


def run(*args, **kw):
    """ring3 SUBCOMMAND..., as subprocess.run() with output captured."""
    kw.setdefault("stdin", subprocess.DEVNULL) if "input" not in kw else None
    kw.setdefault("timeout", 60)
    return subprocess.run([FAKE, *args], stdout=kw.pop("stdout", subprocess.PIPE),
                          stderr=kw.pop("stderr", subprocess.PIPE), **kw)


def spawn(*args, **kw):
    return subprocess.Popen([FAKE, *args], **kw)
