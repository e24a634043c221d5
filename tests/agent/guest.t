#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# What the agent sets up in a real guest, which root disks it takes, and an init
# of the root's own beside it.
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

if not REAL or not os.path.exists(REAL) or "RING3_KERNEL" not in REAL_ENV:
    skip_all("RING3 and RING3_KERNEL are not set; ./test sets them")


def guest(*args, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL) if "input" not in kw else None
    return subprocess.run([REAL, "run", "--timeout", "60", *args], stdout=kw.pop("stdout", subprocess.PIPE),
                          stderr=kw.pop("stderr", subprocess.PIPE), env=REAL_ENV, timeout=90, **kw)


r = guest(*sh("cat /proc/1/comm; for d in /proc /sys /dev/pts /dev/shm /run /sys/fs/cgroup; do "
              "mountpoint -q $d || echo no $d; done; test -c /dev/fd/0 -o -p /dev/fd/0 || ls -l /dev/fd/0; "
              "cat < /dev/null > /dev/stdout; echo x | tee /dev/stderr; hostname"))
ok(b"no /" not in r.stdout and r.stderr == b"x\n" and r.returncode == 0, "a machine with its usual mounts and devices", r)
r = guest("--name", "tested", *sh("hostname; cat /sys/class/net/lo/flags"))
same(r.stdout.split(), [b"tested", b"0x9"], "the guest has its name, and its loopback is up")
r = guest(*sh('ls -d /lib/modules/$(uname -r)/modules.dep && modprobe -n loop; echo $?'))
same(r.stdout.split()[-1:], [b"0"], "the kernel's modules are there")
r = guest("--root-ro", *sh('ls -d /lib/modules/$(uname -r)/modules.dep && touch /tmp/a /run/b && ! touch /c 2>/dev/null'))
same(r.returncode, 0, "also on a read-only root, where only /tmp and /run can be written")
r = guest(*sh("echo x > /etc/ephemeral; sync"))
r = guest(*sh("test -e /etc/ephemeral"))
same(r.returncode, 1, "what a guest writes to its root is thrown away")
disk = os.path.join(TMP, "disk.img")
with open(disk, "wb") as f:
    f.truncate(32 << 20)
r = guest("--disk", disk, *sh("d=$(basename $(grep -l 65536 /sys/block/vd*/size | head -1 | xargs dirname)); "
                              "mke2fs -q /dev/$d && mount /dev/$d /mnt && echo kept > /mnt/x; (trap '' TERM; sleep 100) &"))
r = guest("--disk", disk + ",ro", *sh("d=$(basename $(grep -l 65536 /sys/block/vd*/size | head -1 | xargs dirname)); "
                                      "mount -o ro /dev/$d /mnt && cat /mnt/x"))
same(r.stdout, b"kept\n", "what it writes to a disk is kept, also when the guest ends in the middle of it")

r = guest("--append", "ring3.root=/dev/vdx", "--", "true")
ok(r.returncode == 125 and b"no root disk /dev/vdx" in r.stderr, "a missing root disk is said", r)
zero = os.path.join(TMP, "zero.img")
with open(zero, "wb") as f:
    f.truncate(1 << 20)
r = guest("--root", zero, "--", "true")
ok(r.returncode == 125 and b"no file system" in r.stderr, "a root disk without a file system is said", r)
r = guest("--init", "/no/init")
ok(r.returncode == 125 and b"/no/init cannot be executed" in r.stderr, "an init that is not there is said", r)
r = guest(*sh("echo c > /proc/sysrq-trigger; sleep 10"))
ok(r.returncode == 121 and b"Kernel panic" in r.stderr, "a panic is shown and is 121", r)
name = f"t{os.getpid()}"
p = subprocess.Popen([REAL, "run", "--timeout", "200", "--name", name, "--init", "/sbin/init"], env=REAL_ENV,
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
ring3 = lambda *a: subprocess.run([REAL, *a], env=REAL_ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=150)
running = lambda: any(json.loads(line)["name"] == name and json.loads(line)["state"] == "running"
                      for line in ring3("ps", "--json").stdout.splitlines())
if not ok(wait_until(lambda: p.poll() is not None or running(), 60) and p.poll() is None,
          "with --init the agent is there too"):
    p.kill()
    print("# " + p.communicate()[0][-2000:].decode(errors="replace").replace("\n", "\n# "))
    done()
is_running = lambda: ring3("exec", name, "--", "systemctl", "is-system-running").stdout.strip()
wait_until(lambda: p.poll() is not None or is_running() in (b"running", b"degraded"), 90)
same(is_running(), b"running", "systemd comes up with nothing failed")
if is_running() != b"running":
    print("# " + ring3("exec", name, "--", "systemctl", "--failed").stdout.decode().replace("\n", "\n# "))
r = ring3("exec", name, "--", "cat", "/proc/1/comm")
same(r.stdout, b"systemd\n", "exec runs commands beside it")
r = ring3("stop", name)
out = p.communicate(timeout=60)[0]
same((r.returncode, p.returncode), (0, 0), "stop powers it off, which is 0")
ok(b"FAILED" not in out, "without a failure on the way", out[-2000:].decode(errors="replace"))

# A command between setresuid() and execve() is a process of its user, who may stop it.
p = subprocess.Popen([REAL, "run", "--timeout", "100", "--name", name, "--cpus", "2", "--", "sleep", "100"], env=REAL_ENV,
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
wait_until(running, 30)
storm = subprocess.Popen([REAL, "exec", "--user", "1000", name, "--", "perl", "-e", "$| = 1; print qq(up\\n); kill STOP => -1 while 1"],
                         env=REAL_ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
storm.stdout.readline()
stopped, rounds = [], 0
end = time.monotonic() + 15
while time.monotonic() < end and rounds < 60:
    stopped.append(subprocess.Popen([REAL, "exec", "--user", "1000", name, "--", "true"], env=REAL_ENV, stdin=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL))
    try:
        good = subprocess.run([REAL, "exec", name, "--", "true"], env=REAL_ENV, stdin=subprocess.DEVNULL, timeout=10).returncode == 0
    except subprocess.TimeoutExpired:
        good = False
    if not good:
        break
    rounds += 1
ok(good and rounds >= 10, "a user that stops all its processes, again and again, does not keep root's exec out", f"round {rounds}")
ring3("stop", "--force", name)
for q in (storm, *stopped, p):
    q.kill()
    q.wait()
done()
