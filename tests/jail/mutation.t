#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# needs: mutation
"""Takes the walls of the jail out, one after the other and together: what a
hostile kernel reaches is what each of them is for, and no more. The lists of
system calls stand before all others, so those show when the lists are out."""
import ctypes
import os
import re
import resource
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

BUILD, RING3 = os.environ["BUILD"], os.environ["RING3"]
DISK, IMAGE = os.path.join(TMP, "disk"), os.path.join(TMP, "image")
MAKE = os.path.join(TMP, "made")
LISTS, LANDLOCK, SPACES = "jail-lists", "jail-landlock", "jail-namespaces"
ROOT, CAPS, LIMITS = "jail-root", "jail-capabilities", "jail-limits"

# A limit that the test has from its caller cannot be taken out.
CORE = "core dumps, " if resource.getrlimit(resource.RLIMIT_CORE)[1] not in (0, 1) else ""

# What is out, and what is reached then; "" is nothing.
WALLS = [
    ([], ""),
    # The lists alone hold.
    ([LANDLOCK, SPACES, CAPS, LIMITS], ""),
    # The others without them, and each of those behind the rest.
    ([LISTS], "calls"),
    ([LISTS, LANDLOCK], "calls, signal"),
    ([LISTS, ROOT], "calls, path"),
    ([LISTS, SPACES], "calls, memory of others, path, udp"),
    ([LISTS, LIMITS], f"calls, {CORE}descriptors, file size"),
    ([LISTS, CAPS], "calls, capabilities"),
    # Two for one thing.
    ([LISTS, LANDLOCK, ROOT], "calls, file, new file, path, signal"),
    ([LISTS, LANDLOCK, SPACES], "calls, file, memory of others, new file, path, signal, socket, tcp, udp"),
]


def reached(ring3, *options):
    """What the hostile kernel got hold of, or what went wrong."""
    if os.path.exists(MAKE):
        os.unlink(MAKE)
    for disk in (DISK, IMAGE):
        with open(disk, "wb") as f:
            f.truncate(1 << 20)
    p = subprocess.run([ring3, "run", "--kernel", f"{BUILD}/tests/jail/reach", "--init", "/none", "--early-console",
                        "--root", DISK, "--disk", IMAGE, "--mem", "64M", "--timeout", "30", "--append", WHERE, *options],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    text = p.stdout.decode(errors="replace")
    if "tried all" not in text:
        return f"status {p.returncode}: {text}"
    return ", ".join(sorted(set(re.findall(r"^reached (.*?)\r?$", text, re.M))))


listener, abstract = socket.create_server(("127.0.0.1", 0), backlog=100), socket.socket(socket.AF_UNIX)
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
name = f"ring3-reach-{os.getpid()}"
abstract.bind("\0" + name)
abstract.listen(100)
libc = ctypes.CDLL(None, use_errno=True)
key = 0x52330000 + os.getpid() % 65536
segment = libc.shmget(key, 4096, 0o1600)
WHERE = f"tcp={listener.getsockname()[1]} udp={receiver.getsockname()[1]} socket={name} shm={key} make={MAKE}"

refused = [line for line in subprocess.run([RING3, "doctor"], stdout=subprocess.PIPE, text=True).stdout.splitlines()
           if re.match(r"(note|BAD) +jail:", line)]
everything = set(", ".join(what for out, what in WALLS if what and CAPS not in out).split(", "))
try:
    got = reached(RING3, "--jail", "off")
    ok(everything <= set(got.split(", ")), "without a jail all of it is reached", got)
    for out, what in WALLS:
        says = (f"without {' and '.join(out)}" if out else "with all walls") + f", reached: {what or 'nothing'}"
        if refused:
            skip(says, "host: it refuses walls itself: " + refused[0])
        else:
            same(reached(build_without(out, "cli/ring3")[0] if out else RING3), what, says)
finally:
    libc.shmctl(segment, 0, None)
done()
