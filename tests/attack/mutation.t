#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 3000
# tags: slow
# needs: mutation kernel-mutation
"""Takes out one wall after the other: an attack that failed gets through, so
the tests of the walls can fail. See docs/walls.md."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import *

# Walls, CPUs, the attack that gets through without them, and what that says.
HOLDS, GONE = "nothing", "the guest itself"
TRIES = 4
STUB_WALLS = [
    ("guest-filter", 1, "calls", "the host made call .* from the stub's"),
    # What is left to user code then is what the manager's filter says; this one
    # has nothing to do as long as the other stands.
    ("guest-filter", 1, "calls beyond", HOLDS),
    ("guest-filter,manager-filter", 1, "calls beyond", "the host made call .* from the stub's"),
    ("guest-filter,secret", 1, "calls beyond", "the host made call .* from the stub's"),
    ("manager-filter", 1, "calls", HOLDS),
    ("origin", 1, "calls", "the host made .* call 0xca .* from the attacker's code"),
    ("futex", 1, "calls", "the host made call 0xca .* from the stub's"),
    ("command-page", 1, "peek", "the command page is writable"),
    ("stub", 1, "peek", "the stub is writable"),
    ("leftovers", 1, "peek", "the host's stack or vDSO is readable"),
    ("zygote-page", 1, "peek", "the zygote's page is readable"),
]
KERNEL_WALLS = [
    ("ack", 2, "revoke 500", "a page was still (written|read) after"),
    ("asleep", 1, "heir", "a .* after one that was"),
    ("frame", 1, "forge", "the kernel read a (frame|siginfo|FP state)"),
    ("leave", 2, "leave 100", "a process that said it exits read"),
    ("once", 2, "moved 20", "the kernel used a frame where a thread had moved it"),
    ("release", 2, "copies 8000", "(uid 1000|root) (reads|executes) memory|the victim ended|in a page that has not changed"),
    ("reset", 1, "heir", "a .* after one that was"),
    ("stop", 1, "mask 0", GONE),
    ("task-size", 1, "maps", "mmap at 0x7fe0"),
    ("uaccess", 1, "peek", "a system call read the kernel's memory"),
    ("work", 1, "mask 3", GONE),
]


def attack_without(wall, cpus, words, says, ring3=RING3, fall=None):
    """With its walls a guest withstands; without the one what was expected happens."""
    guest = Target(cpus, mem="256M", append="quiet ring3_debug_spaces=0" if fall else "quiet", ring3=ring3, timeout=800)
    try:
        if not ok(guest.up and guest.put(), f"{wall}: a guest", guest.text.decode(errors="replace")):
            return
        if fall:
            status, out = guest.attack(words, "1000:1000", 150)
            same((status, guest.goes_on()), (0, ""), f"{wall}: with all walls {words} fails")
            # After an oops with the run queue's lock held nothing would run, not even what ends.
            status, out = guest.exec(f"echo {wall} > /sys/module/ring3/parameters/mutation; "
                                     "echo 1 > /proc/sys/kernel/panic_on_oops")
            same((status, out), (0, ""), f"{wall}: the wall falls")
        status, out = guest.attack(words, "1000:1000", 15 if says == GONE else 150)
        if says == HOLDS:
            ok((status, guest.goes_on()) == (0, ""), f"without {wall}, {words} fails at the next wall", status, out)
        elif says != GONE:
            # Some need what happens now and then, and more seldom on a busy host. A kernel that
            # was got into may have died of it.
            said = re.compile("got through: .*(" + says + ")")
            for _ in range(TRIES - 1):
                if status == 0 and not said.search(out):
                    status, out = guest.attack(words, "1000:1000", 150)
            ok(said.search(out), f"without {wall}, {words} gets through", status, out)
        else:
            ok(status != 0 and guest.goes_on(30), f"without {wall}, {words} stops the guest", status, out)
    finally:
        guest.close()


for wall, cpus, words, says in STUB_WALLS:
    attack_without(wall, cpus, words, says, build_without(wall.split(","), "cli/ring3")[0])
mutation_kernel()
for wall, cpus, words, says in KERNEL_WALLS:
    attack_without(wall, cpus, words, says, fall=True)
done()
