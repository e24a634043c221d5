#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# timeout: 300
# Processes that are killed at any moment while a guest writes: what was flushed is there
# at the next start, the image is in order, nobody has its lock. On disks, and in a shared folder.
# RING3_TEST_KILLS=100 kills a hundred times.
import fcntl
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fileslib import *

ROUNDS = int(os.environ.get("RING3_TEST_KILLS", 5))
# A line that was printed was flushed before. New blocks each time, so that metadata is written as well.
WRITE = """mount /dev/vdc /mnt || exit 9
i=$(cat /mnt/log 2>/dev/null | wc -l)
while :; do
	i=$((i + 1))
	echo $i >> /mnt/log; head -c 300000 /dev/urandom > /mnt/f$((i % 40)); sync -f /mnt/log || exit
	echo $i
done"""
READ = "mount /dev/vdc /mnt && cat /mnt/log && rm -f /mnt/f* && umount /mnt"


def monitor(p):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                comm, rest = f.read().rsplit(")", 1)
            if "ring3-monitor" in comm and int(rest.split()[1]) == p.pid:
                return int(pid)
        except OSError:
            pass
    return 0


def victim(p, who):
    return p.pid if who == "ring3 run" else monitor(p) if who == "monitor" else (daemons(p.pid) or [0])[0]


random.seed(1)
for suffix in ("qcow2", "img"):
    disk = path("disk." + suffix)
    image("create", disk, "300M")
    guest("--disk", disk, *sh("mkfs.ext4 -q /dev/vdc"))
    for i in range(ROUNDS):
        who = ("monitor", "ring3 run", "the disk's process")[i % (3 if suffix == "qcow2" else 2)]
        out = path("out")
        with open(out, "w") as f:
            p = start("--disk", disk, *sh(WRITE), stdout=f)
        wait_until(lambda: os.path.getsize(out), 30)
        time.sleep(random.uniform(0.1, 1.2))
        os.kill(victim(p, who), signal.SIGKILL)
        p.communicate(timeout=60)
        with open(out) as f:
            flushed = int((f.read().split("\n")[:-1] or ["0"])[-1])
        # Whoever had the lock ends a moment later.
        r = wait_until(lambda: (g := guest("--disk", disk, *sh(READ))).returncode == 0 and g, 20) or guest("--disk", disk, *sh(READ))
        log = r.stdout.split()
        ok(flushed > 0 and log == [str(n) for n in range(1, len(log) + 1)] and len(log) >= flushed,
           f"{suffix}, {who} killed: all of {flushed} flushed lines are there", r, log[-3:])
        if suffix == "qcow2":
            ok(clean(disk), "and the image is in order", image("check", disk))

# A shared folder: what was flushed is on the host, the next guest reads and writes it, and no name is half made.
SHARED = """cd /s || exit 9
i=$(cat log 2>/dev/null | wc -l)
while :; do
	i=$((i + 1))
	head -c 300000 /dev/urandom > new && sync new && mv new f$((i % 40)) && echo $i >> log && sync log || exit
	echo $i
done"""


def server(p):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                comm, rest = f.read().rsplit(")", 1)
            if "ring3-fs" in comm and int(rest.split()[1]) == p.pid:
                return int(pid)
        except OSError:
            pass
    return 0


folder = path("folder")
os.mkdir(folder)
for i in range(ROUNDS):
    who = ("monitor", "ring3 run", "the folder's server")[i % 3]
    out = path("out")
    with open(out, "w") as f:
        p = start("--share", f"{folder}:/s", *sh(SHARED), stdout=f)
    wait_until(lambda: os.path.getsize(out), 60)
    time.sleep(random.uniform(0.1, 1.2))
    os.kill(server(p) if i % 3 == 2 else victim(p, who), signal.SIGKILL)
    # Errors end the command, also where the server had taken the call.
    if i % 3 == 2 and not wait_until(lambda: p.poll() is not None, 100):
        ok(False, "a guest whose folder's server was killed ends")
        p.kill()
    p.communicate(timeout=60)
    with open(out) as f:
        flushed = int((f.read().split("\n")[:-1] or ["0"])[-1])
    with open(os.path.join(folder, "log")) as f:
        log = f.read().split()
    ok(flushed > 0 and log == [str(n) for n in range(1, len(log) + 1)] and len(log) >= flushed, f"share, {who} killed: all of {flushed} flushed lines are there", log[-3:])
    sizes = {os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder) if n.startswith("f")}
    same(sizes, {300000}, "and each file is whole")
r = guest("--share", f"{folder}:/s", *sh("cd /s && tail -n 1 log && rm f* log && ls"))
same((r.returncode, r.stdout.split()[0]), (0, log[-1]), "the next guest reads and changes it")

# A call that the server has taken long ago, behind which there were more than a queue holds, gets an error; so do later ones.
with open(os.path.join(folder, "lock"), "w") as held:
    fcntl.flock(held, fcntl.LOCK_EX)
    out = path("out")
    with open(out, "w") as f:
        p = start("--share", f"{folder}:/s,locks=host", *sh("""cd /s || exit 9
flock lock echo got it & i=0; sleep 0.2
while [ $i -lt 1500 ]; do [ -e no$i ] && exit 8; i=$((i + 1)); done
echo ready; wait $!; echo "flock $?"; cd /; ls /s; echo "ls $?"; umount /s; echo "umount $?" """), stdout=f)
    wait_until(lambda: os.path.getsize(out), 60)
    os.kill(server(p), signal.SIGKILL)
    ended = wait_until(lambda: p.poll() is not None, 100)
    if not ended:
        p.kill()
    err = p.communicate(timeout=60)[1]
    with open(out) as f:
        said = f.read().split("\n")
    ok(ended and said[:4] == ["ready", "flock 65", "ls 2", "umount 0"], "a call that the killed server had taken gets an error, and the folder can be unmounted", said, err)
    ok("Transport endpoint is not connected" in err, "the error is the one that others give for a server that is gone", err)
done()
