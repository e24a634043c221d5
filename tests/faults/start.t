#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
# tags: slow
# Each call that a guest's start asks of the host, refused once: it starts all
# the same, or says why not. Nothing hangs, crashes or stays behind.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

# What can be refused, and how often at most it is tried.
CALLS = {
    "memfd_create": ("EMFILE", 20), "eventfd2": ("EMFILE", 30), "timer_create": ("EAGAIN", 5),
    "socketpair": ("EMFILE", 10), "pipe2": ("ENFILE", 10), "signalfd4": ("EMFILE", 5),
    "ftruncate": ("ENOSPC", 10), "clone3": ("EAGAIN", 20), "clone": ("EAGAIN", 12),
    "execveat": ("ENOMEM", 3), "fcntl": ("EMFILE", 40), "pread64": ("EIO", 30), "mmap": ("ENOMEM", 80),
    "mprotect": ("ENOMEM", 20), "getrandom": ("ENOSYS", 5), "bind": ("ENOSPC", 2),
}
now = os.path.join(TMP, "now")
open(now, "w").close()


def once(call, error, n):
    """Its result, and whether the nth call came."""
    if os.path.exists(now + ".count"):
        os.unlink(now + ".count")
    start = time.monotonic()
    p = subprocess.Popen([FAIL, f"{call}={error}:{n}@{now}", "--", *machine_run(), "--timeout", "20", "--", "sh", "-c",
                          "echo $(seq 3 | wc -l)"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = p.communicate(timeout=100)
    return p.returncode, out, err.decode(errors="replace"), time.monotonic() - start, os.path.exists(now + ".count")


for call, (error, most) in CALLS.items():
    bad, n, worked = [], 0, 0
    for n in range(1, most + 1):
        rc, out, err, took, hit = once(call, error, n)
        if not hit:
            break
        if rc == 0 and out == b"3\n":
            worked += 1
            continue
        said = [line for line in err.splitlines() if line.startswith("ring3: ")]
        # Before main() it is the dynamic loader that speaks, or cannot even do that.
        loader = rc == 127 and ("shared libraries" in err or "TLS data" in err) or rc == 139 and not err and call == "mmap"
        # What was refused for a process of the guest's is that one's end.
        if not loader and (rc not in (0, 120, 121, 122, 123, 125, 137) or not said) or took > 15:
            bad.append((n, rc, out, err[-1500:], round(took, 1)))
    same(bad, [], f"{call}: {error} for each of {n - (not hit)} calls, once ({worked} times it worked)")
done()
