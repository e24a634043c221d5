#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 200
# tags: slow
# --vhost-user: back ends that somebody else started, of disks and of shared folders, and
# what is said when there is none, or one that is of no use.
import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fileslib import *

VIRTIOFSD = next((p for p in ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd") if os.access(p, os.X_OK)), None)


def listens(p, file):
    return wait_until(lambda: os.path.exists(file) or p.poll() is not None)


def daemon(file, *export):
    p = subprocess.Popen(["qemu-storage-daemon", "--blockdev", f"driver=file,node-name=f,filename={path('a.qcow2')}",
                          "--blockdev", "driver=qcow2,node-name=d,file=f", "--export",
                          f"type=vhost-user-blk,id=e,node-name=d,addr.type=unix,addr.path={file},num-queues=4" + "".join(export)])
    listens(p, file)
    return p


# ---- a disk ----

image("create", path("a.qcow2"), "64M")
sock = path("blk.sock")
p = daemon(sock, ",writable=on")
option = "blk:" + sock
r = guest("--cpus", "2", "--vhost-user", option, *sh("ls /sys/block/vdc/mq | wc -l; printf mine | dd of=/dev/vdc conv=fsync 2>/dev/null"))
same((r.stdout, r.returncode), ("2\n", 0), "a disk by a socket, with a queue for each CPU")
r = guest("--vhost-user", option + ",queues=1", "--cpus", "3", *sh("ls /sys/block/vdc/mq | wc -l; head -c 4 /dev/vdc"))
same(r.stdout, "1\nmine", "or fewer; the next guest has a connection of its own")
name = f"vhost{os.getpid()}"
t = Terminal(RING3, "run", "--net", "none", "--timeout", "90", "--name", name, "--vhost-user", option, "--init", "/bin/bash")
wait_until(lambda: run("exec", name, "--", "true").returncode == 0, 30)
run("exec", name, "--", "sh", "-c", "printf again | dd of=/dev/vdc conv=fsync; echo b > /proc/sysrq-trigger")
ok(wait_until(lambda: run("exec", name, "--", "sh", "-c", "test $(cut -d. -f1 /proc/uptime) -lt 20 && head -c 5 /dev/vdc").stdout == "again", 30),
   "a guest that reboots, too", t.text)
# Taken off its driver and given back: the queues are stopped, and started again.
r = run("exec", name, "--", "sh", "-c", """cd /sys/bus/virtio/drivers/virtio_blk; d=$(basename $(readlink -f /sys/block/vdc/device))
for i in 1 2 3; do echo $d > unbind; test ! -e /dev/vdc || exit 1; echo $d > bind; head -c 5 /dev/vdc; done""")
same((r.stdout, r.returncode), ("again" * 3, 0), "a driver that lets go of it and takes it again")
run("stop", "--force", name)
t.wait()
t.close()
r = guest("--vhost-user", option + ",ro", *sh("true"))
ok(r.returncode == 125 and "may be written to" in r.stderr, "one that is to be read only, and is not", r)
p.terminate()
p.wait()
ok(clean(path("a.qcow2")), "the image is in order")

# ---- a shared folder ----

if not VIRTIOFSD or os.getuid():
    for what in ("a folder is mounted, read and written", "and the guest's file is on the host"):
        skip(what, "host: no virtiofsd that works" if os.getuid() else "host: no virtiofsd")
else:
    os.makedirs(path("share"))
    with open(path("share/host"), "w") as f:
        f.write("from the host\n")
    sock = path("fs.sock")
    p = subprocess.Popen([VIRTIOFSD, f"--socket-path={sock}", "-o", f"source={path('share')}", "-o", "sandbox=chroot", "-f"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listens(p, sock)
    r = guest("--vhost-user", f"fs:{sock},tag=work", *sh("mount -t virtiofs work /mnt && cat /mnt/host && seq 100000 > /mnt/guest && sha256sum < /mnt/guest"))
    ok(r.stdout.startswith("from the host\n"), "a folder is mounted, read and written", r)
    with open(path("share/guest"), "rb") as f:
        same(hashlib.sha256(f.read()).hexdigest() + "  -", r.stdout.split("\n")[1], "and the guest's file is on the host")
    p.terminate()
    p.wait()

# ---- what is refused ----

def refused(what, option, *words, status=125):
    started = time.monotonic()
    r = guest("--vhost-user", option, *sh("true"))
    ok(r.returncode == status and r.stderr.count("\n") == 1 and all(w in r.stderr for w in words) and time.monotonic() - started < 20, what, r)


refused("no socket", "blk:" + path("no.sock"), "there is no socket")
with socket.socket(socket.AF_UNIX) as s:
    s.bind(path("dead.sock"))
refused("a socket on which nobody listens", "blk:" + path("dead.sock"), "nobody listens")
refused("a kind that there is not", "gpu:" + path("no.sock"), "fs:SOCKET,tag=NAME or blk:SOCKET")
refused("a folder without a tag", "fs:" + path("no.sock"), "tag=NAME is missing")
refused("a tag that is too long", "fs:" + path("no.sock") + ",tag=" + "x" * 37, "at most 36 bytes")
refused("a key that there is not", "blk:" + path("no.sock") + ",fast", "keys for blk are")
refused("no path", "blk:", "is missing")


class Liar(threading.Thread):
    """Listens, and answers what it is told to answer."""

    def __init__(self, file, answer):
        super().__init__(daemon=True)
        self.listening, self.answer = socket.socket(socket.AF_UNIX), answer
        self.listening.bind(file)
        self.listening.listen()
        self.start()

    def run(self):
        while True:
            sock = self.listening.accept()[0]
            while len(head := sock.recv(12)) == 12 and self.answer is not None:
                request, flags, size = struct.unpack("III", head)
                if size:
                    sock.recv(size)
                sock.send(self.answer(request))
            if self.answer is not None:
                sock.close()
            else:
                self.silent = sock


Liar(path("l1.sock"), lambda request: struct.pack("=IIIQ", request, 5, 8, 0))
refused("a back end without virtio 1", "blk:" + path("l1.sock"), "does not know virtio 1")
Liar(path("l2.sock"), lambda request: struct.pack("=IIIQ", request + 1, 5, 8, 0))
refused("one that answers something else", "blk:" + path("l2.sock"), "answered something else")
Liar(path("l3.sock"), lambda request: b"x" * 8)
refused("one that sends half an answer", "blk:" + path("l3.sock"), "does not answer")
Liar(path("l4.sock"), None)
refused("a silent one", "fs:" + path("l4.sock") + ",tag=x", "does not answer")
done()
