#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs is a newc archive with PID 1 and a console."""
import os
import stat
import subprocess
import tempfile

n = bad = 0


def check(cond, what):
    global n, bad
    n += 1
    bad += not cond
    print(f"{'ok' if cond else 'not ok'} {n} - {what}")


def entries(data):
    pos = 0
    while True:
        head = data[pos:pos + 110]
        assert head[:6] == b"070701", f"no header at {pos}"
        f = [int(head[6 + 8 * i:14 + 8 * i], 16) for i in range(13)]
        mode, size, major, minor, namelen = f[1], f[6], f[9], f[10], f[11]
        name = data[pos + 110:pos + 110 + namelen - 1].decode()
        body = (pos + 110 + namelen + 3) & ~3
        if name == "TRAILER!!!":
            return
        yield name, mode, (major, minor), data[body:body + size]
        pos = (body + size + 3) & ~3


with tempfile.TemporaryDirectory() as tmp:
    for size in (0, 1, 2, 3, 4, 5, 70001):
        agent = os.urandom(size)
        with open(f"{tmp}/agent", "wb") as f:
            f.write(agent)
        subprocess.run([f"{os.environ['REPO']}/scripts/mkinitramfs", f"{tmp}/agent", f"{tmp}/out"], check=True)
        with open(f"{tmp}/out", "rb") as f:
            found = {e[0]: e[1:] for e in entries(f.read())}
        check(found["init"][2] == agent and found["init"][0] == stat.S_IFREG | 0o755,
              f"/init of {size} bytes comes out whole and executable")
    check(found["dev/console"][:2] == (stat.S_IFCHR | 0o600, (5, 1)), "/dev/console is the console")
    check(os.listdir(tmp).count("out") == 1 and not any("tmp" in f for f in os.listdir(tmp)), "nothing is left behind")

with open(os.environ["RING3_INITRD"], "rb") as f:
    found = {e[0]: e[1:] for e in entries(f.read())}
check(found["init"][2][:4] == b"\x7fELF", "the real one holds a program")
print(f"1..{n}")
raise SystemExit(bad > 0)
