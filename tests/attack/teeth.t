#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1200
# tags: slow
"""Takes out one wall after the other: an attack that failed gets through, so
the tests of the walls can fail. See docs/walls.md."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import *

REPO = os.environ["REPO"]

# Wall, CPUs, the attack that gets through without it, and what that says; None
# if the guest may not be able to say anything any more.
STUB_WALLS = [
    ("guest-filter", 1, "calls", "the host made call .* from the stub's"),
    ("origin", 1, "calls", "the host made .* call 0xca .* from the attacker's code"),
    ("futex", 1, "calls", "the host made call 0xca .* from the stub's"),
    ("command-page", 1, "peek", "the command page is writable"),
    ("stub", 1, "peek", "the stub is writable"),
    ("leftovers", 1, "peek", "the host's stack or vDSO is readable"),
    ("zygote-page", 1, "peek", "the zygote's page is readable"),
]
KERNEL_WALLS = [
    ("ack", 2, "revoke 500", None),
    ("frame", 1, "forge", "the kernel read a (frame|siginfo|FP state)"),
    ("stop", 1, "mask 0", None),
    ("task-size", 1, "maps", "mmap at 0x7fe0"),
    ("uaccess", 1, "peek", "a system call read the kernel's memory"),
]


def attack_without(wall, cpus, words, says, ring3, append):
    """What was expected happened."""
    guest = Target(cpus, mem="256M", append=append, ring3=ring3, timeout=90)
    try:
        if not (guest.up and guest.put()):
            # Some walls the guest itself cannot do without.
            if wall == "ack" and guest.up:
                return ok(True, f"without {wall} the guest breaks before it is attacked")
            return ok(False, f"without {wall}: a guest", guest.text.decode(errors="replace"))
        status, out = guest.attack(words, "1000:1000", 15)
        if says:
            return ok(re.search("got through: .*(" + says + ")", out), f"without {wall}, {words} gets through", status, out)
        return ok(status != 0 or guest.goes_on(), f"without {wall}, {words} harms the guest", status, out)
    finally:
        guest.close()


def stub_build(wall):
    """A ring3 whose spaces lack a wall; only that is compiled anew."""
    build = os.path.join(os.environ["BUILD"], "teeth")
    if not os.path.exists(build + "/build.ninja"):
        shutil.rmtree(build, ignore_errors=True)
        subprocess.run(["meson", "setup", build, REPO], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["meson", "configure", build, f"-Dteeth={wall}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", build, "cli/ring3"], check=True, stdout=subprocess.DEVNULL)
    return build + "/cli/ring3"


def kernel_build():
    """The kernel whose walls its command line can take out."""
    p = subprocess.run([REPO + "/kernel/build.sh", "--dev", "--no-modules", "--config-fragment", "tiny",
                        "--config-fragment", "teeth"], stdout=subprocess.PIPE, check=True)
    return p.stdout.decode().strip() + "/vmlinux"


for wall, cpus, words, says in STUB_WALLS:
    attack_without(wall, cpus, words, says, stub_build(wall), "quiet")
os.environ["RING3_KERNEL"] = kernel_build()
os.environ.pop("RING3_MODULES", None)
for wall, cpus, words, says in KERNEL_WALLS:
    attack_without(wall, cpus, words, says, RING3, f"ring3.teeth={wall}")
done()
