#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# What a guest does not use, and what it has freed, is the host's; and the guest
# has all that --mem says nevertheless.
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from host import *

SETTLE = 3
BACK = 30       # seconds for what was freed to be the host's again

# For each line with a number: takes that many MB, checks what it wrote, says so, and keeps them till the next.
USE = """
import mmap, sys
print("up", flush=True)
for line in sys.stdin:
    m = None
    size = int(line) << 20
    if size:
        m = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, size, 4096):
        m[at:at + 8] = at.to_bytes(8, "little")
    good = all(int.from_bytes(m[at:at + 8], "little") == at for at in range(0, size, 4096))
    print("holds" if good else "damaged", line.strip(), flush=True)
"""

# Uses and frees most of the memory, then fills the page cache with a file and says
# how many runs of physically adjacent pages it is in.
RUNS = """
import mmap, os, struct
for i in range(3):
    m = mmap.mmap(-1, 300 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    m.madvise(mmap.MADV_NOHUGEPAGE)
    for at in range(0, len(m), 4096):
        m[at] = 1
    m.close()
size = 32 << 20
fd = os.open("/var/tmp/runs", os.O_RDWR | os.O_CREAT)
for at in range(0, size, 65536):
    os.write(fd, b"x" * 65536)
m = mmap.mmap(fd, size, prot=mmap.PROT_READ)
total = sum(m[at] for at in range(0, size, 4096))
where = next(int(l.split("-")[0], 16) for l in open("/proc/self/maps") if "/var/tmp/runs" in l)
with open("/proc/self/pagemap", "rb") as f:
    f.seek(where // 4096 * 8)
    frames = [v & (1 << 55) - 1 for v in struct.unpack(f"{size // 4096}Q", f.read(size // 4096 * 8))]
print("runs", 1 + sum(b != a + 1 for a, b in zip(frames, frames[1:])), flush=True)
"""


def held(g):
    """MiB of the host's memory."""
    return pss_kib(g.family()) / 1024


def idle(mem, *command):
    g = Guest("--mem", mem, "--", *command)
    ok(g.expect("up\n"), f"a guest of {mem}", g.text)
    time.sleep(SETTLE)
    mib = held(g)
    print(f"# {mem}: {mib:.1f} MiB")
    return g, mib


def uses(g, mb, what):
    g.type(f"{mb}\n")
    ok(g.expect(f"holds {mb}\n", 90), what, g.text[-1000:])


g, low = idle("256M", "sh", "-c", "echo up; sleep 60")
g.close()
g, high = idle("4G", "sh", "-c", "cat /proc/meminfo; uname -r; echo up; sleep 60")
release = g.text.decode().splitlines()[-2]
info = {line.split()[0]: int(line.split()[1]) for line in g.text.decode().splitlines() if line.endswith(" kB")}
ok(info["MemTotal:"] > 3900 << 10, "4 GB are there, less what the kernel keeps", info["MemTotal:"])
ok(info["MemFree:"] > 3850 << 10, "nearly all of it is free", info["MemFree:"])
new = tuple(map(int, release.split(".")[:2])) >= (6, 12)
if new:
    ok(high - low < 16, "unused, 4 GB cost the host at most 16 MB more than 256 MB do", low, high)
else:
    print(f"# {release} describes all memory at once")
g.close()

g, before = idle("1G", "python3", "-c", USE)
uses(g, 200, "200 MB are used")
used = held(g)
ok(used > before + 190, "and are the host's no more", before, used)
g.type("0\n")
# Older kernels keep 5 % of the memory on lists of their CPUs until there is more to free.
back = wait_until(lambda: held(g) < before + (20 if new else 70), BACK)
ok(back, "freed, they are the host's again", before, used, held(g))
uses(g, 850, "after that, nearly all of the memory can be used at once")
uses(g, 300, "and again some of it")
g.close()

g = Guest("--mem", "512M", "--", "python3", "-c", RUNS)
ok(g.expect("runs "), "a file in the page cache, in memory that was in use", g.text)
g.wait()
runs = int(g.text.split(b"runs ")[1])
ok(runs < 1000, "is in few runs of adjacent pages (of 8192)", runs)
g.close()
# A dynamic program starts with few faults: files that are in the page cache are mapped before.
FAULTS = """
import resource, subprocess
run = lambda: subprocess.run(["sed", "-n", "1p", "/dev/null"], check=True)
for i in range(5):
    run()
before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
for i in range(20):
    run()
print("faults", (resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before) // 20)
"""
g = Guest("--mem", "512M", "--", "python3", "-c", FAULTS)
g.wait(60)
faults = re.search(rb"faults (\d+)", g.text)
ok(faults and int(faults[1]) <= 60, "sed starts with 60 faults or less (75 without mapping ahead)", g.text)
g.close()
done()
