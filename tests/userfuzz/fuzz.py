# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests with random user code in them, for userfuzz.t, run and the soak."""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "boot"))
from host import *

PROGRAM = os.path.join(os.environ["BUILD"], "tests", "userfuzz", "userfuzz")
# A space that the host ends is not among them: hostile code can move its stack pointer into the host's
# signal stack. Whether somebody died who had not asked for it, the program knows.
COMPLAINTS = re.compile(r"BUG|WARNING:|Oops|corrupt|Bad page|Bad rss|stall|soft lockup|panic|ended the space")


def fuzz(cpus, seconds, seed, *words, mem="512M", append="quiet", before="true"):
    """What was found, as lines; and what the program said last."""
    name = f"userfuzz-{os.getpid()}-{cpus}-{int(time.monotonic() * 1000) % 100000}"
    guest = Guest("--name", name, "--cpus", str(cpus), "--mem", mem, "--append", append,
                  "--", "sh", "-c", f"echo up; exec sleep {seconds + 400}", timeout=seconds + 300)
    found, said = [], ""
    try:
        if not guest.expect("up\n", 60):
            return ["the guest does not start: " + guest.text.decode(errors="replace")[-300:]], ""
        family = births(guest.family())
        with open(PROGRAM, "rb") as f:
            run("exec", name, "--", "sh", "-c", "cat > /usr/bin/userfuzz && chmod 755 /usr/bin/userfuzz", stdin=f)
        source = b"".join(open(HERE + "/" + part, "rb").read().replace(b'#include "board.h"', b"")
                          for part in ("board.h", "libc.c"))
        p = run("exec", name, "--", "sh", "-c", "gcc -O1 -pthread -x c -o /usr/bin/userfuzz-libc - -lm", input=source)
        if p.returncode:
            return ["libc.c is not compiled in the guest: " + p.stderr.decode(errors="replace")[-300:]], ""
        try:
            p = run("exec", name, "--", "sh", "-c",
                    f"{before} && exec /usr/bin/userfuzz {seconds} {seed} {' '.join(words)}", timeout=seconds + 120)
            out = p.stdout.decode(errors="replace")
            found = [line for line in out.splitlines() if line.startswith("FINDING")]
            said = out.splitlines()[-1] if out else ""
            if p.returncode not in (0, 1) or not re.search(r"\d+ findings in", said):
                found.append(f"the fuzzer ended with {p.returncode}: {out[-300:]}")
        except subprocess.TimeoutExpired:
            found.append(f"the guest or its agent does not answer {seconds + 120} s after the start")
        try:
            log = run("exec", name, "--", "dmesg", timeout=30).stdout.decode(errors="replace")
            found += ["kernel: " + line for line in log.splitlines()
                      if COMPLAINTS.search(line) and "Kernel command line:" not in line]
        except subprocess.TimeoutExpired:
            found.append("ring3 exec does not get in any more")
        # ring3, the monitor, the zygote, and the space of PID 1
        if guest.proc.poll() is not None or guest.monitor() not in alive(family):
            found.append("ring3 or its monitor ended: " + guest.text.decode(errors="replace")[-300:])
        run("stop", name)
        guest.wait(30)
    finally:
        guest.close()
    return found, said
