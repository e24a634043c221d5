#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
# tags: slow
# Nothing that was acknowledged as flushed is lost: a hundred times a guest
# writes and flushes, both to a bare disk and to a file, goes on writing, and
# some process of it is killed; the next guest and the host find what was there.
import fcntl
import hashlib
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

TIMES = 100
BLOCK = 65536
os.environ["PATH"] += ":/usr/sbin:/sbin"
raw, fs = os.path.join(TMP, "raw.img"), os.path.join(TMP, "fs.img")
for path in (raw, fs):
    with open(path, "wb") as f:
        f.truncate(64 << 20)
subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", fs], check=True)

# The disks are the last two. Each round says what it finds, writes, flushes,
# says so, and goes on without flushing.
ROUND = """
set -- /dev/vd?; while [ $# -gt 2 ]; do shift; done
mount $2 /mnt || exit 9
echo found $(cat /mnt/kept.* 2>/dev/null | md5sum) .
head -c 200000 /dev/urandom > /tmp/new
cp /tmp/new /mnt/kept.$((N % 8)) && sync /mnt/kept.$((N % 8)) || exit 8
echo kept $(cat /mnt/kept.* | md5sum) .
head -c %d /dev/urandom > /tmp/block
dd if=/tmp/block of=$1 bs=%d seek=$((N %% 64)) conv=notrunc,fsync 2>/dev/null || exit 7
echo flushed $(md5sum < /tmp/block) .
while :; do
	dd if=/dev/urandom of=$1 bs=1M seek=8 count=8 conv=notrunc 2>/dev/null
	cp /tmp/new /mnt/more && rm /mnt/more
done
""".replace("(N % 8)", "(N %% 8)") % (BLOCK, BLOCK)


def word(text, name):
    """The last thing it said of name."""
    lines = [line.split() for line in text.decode(errors="replace").splitlines()]
    found = [line[1] for line in lines if len(line) > 2 and line[0] == name and line[-1] == "."]
    return found[-1] if found else None


def victim(g, i):
    """Mostly the monitor; else whoever belongs to the guest."""
    family = g.family()
    if i % 4:
        return g.monitor()
    return random.choice(family)


def block(i):
    with open(raw, "rb") as f:
        f.seek(i % 64 * BLOCK)
        return hashlib.md5(f.read(BLOCK)).hexdigest()


def unlocked(path):
    """The last thread of a killed process may take a moment to let go."""
    with open(path, "rb+") as f:
        try:
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            return False


seed = int(os.environ.get("SEED", os.getpid()))
random.seed(seed)
print(f"# SEED={seed}")
kept, lost, wrong, killed, survived = None, [], [], {}, 0
flushed = {}
start = time.monotonic()
for i in range(TIMES):
    g = Guest("--disk", raw, "--disk", fs, "--", "sh", "-c", f"N={i}\n{ROUND}", timeout=60)
    if not g.expect("flushed ") or not wait_until(lambda: word(g.text, "flushed"), 10):
        wrong.append((i, "no flush", g.text[-1000:]))
        g.close()
        continue
    if kept and word(g.text, "found") != kept:
        lost.append((i, "file", word(g.text, "found"), kept))
    time.sleep(random.random() * 0.05)
    family = births(g.family())
    who = victim(g, i)
    killed[comm(who)] = killed.get(comm(who), 0) + 1
    try:
        os.kill(who, signal.SIGKILL)
    except ProcessLookupError:
        pass
    # One process of the guest's own is not the guest.
    if g.wait(1) is None:
        survived += 1
        os.kill(g.monitor() or g.proc.pid, signal.SIGKILL)
    if g.wait(20) is None or not wait_until(lambda: not alive(family) and unlocked(raw) and unlocked(fs), 10):
        wrong.append((i, "does not end", g.text[-1000:]))
    kept = word(g.text, "kept")
    flushed[i % 64] = word(g.text, "flushed")
    if block(i) != flushed[i % 64]:
        lost.append((i, "block", block(i), flushed[i % 64]))
    g.close()
print(f"# {TIMES} guests in {time.monotonic() - start:.1f} s, killed: {killed}, {survived} survived that")
same(lost, [], f"what was flushed is there, {TIMES} times")
same(wrong, [], "and each guest wrote, and ended when it was killed")
again = [i for i, digest in flushed.items() if block(i) != digest]
same(again, [], "also what was flushed long ago")
r = subprocess.run(["e2fsck", "-fy", fs], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
ok(r.returncode in (0, 1), "the file system can be checked", r.stdout.decode(errors="replace"))
r = guest("--disk", fs, "--", "sh", "-c", "for d in /dev/vd?; do :; done; mount $d /mnt; echo found $(cat /mnt/kept.* | md5sum) .")
same(word(r.stdout, "found"), kept, "and holds the last that was flushed")
done()
