#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Root on a host that gives no user namespaces: the empty root is the jail's alone.
# ring3-switch is what goes into the monitor's jail without a guest.
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import done, ok, skip_all

BUILD = os.environ["BUILD"]


def empty_roots(pid):
    with open(f"/proc/{pid}/mountinfo") as f:
        return sum(" - tmpfs ring3 " in line for line in f)


if len(sys.argv) == 1:
    # Root of a namespace, whose mounts are another's too, as a host's are.
    if subprocess.run(["unshare", "-Ur", "-m", "mount", "--make-rshared", "/"], stderr=subprocess.DEVNULL).returncode:
        skip_all("host: no namespaces for tests")
    os.execvp("unshare", ["unshare", "-Ur", "-m", "sh", "-c",
                          'mount --make-rshared / && echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" inside', sys.argv[0]])
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(f"\0ring3-jail-root-{os.getpid()}")
listener.listen()
r, w = os.pipe()
p = subprocess.Popen([f"{BUILD}/net/switch/ring3-switch", "--name", "x", "--listen", str(listener.fileno()), "--ready", str(w)],
                     pass_fds=[listener.fileno(), w])
os.close(w)
said = os.read(r, 1000)
ok(said == b"ok", "it starts", said)
ok(os.readlink(f"/proc/{p.pid}/ns/user") == os.readlink("/proc/self/ns/user"), "without a user namespace of its own")
ok(empty_roots("self") == 0, "no mount of its jail is on the host's root")
if os.readlink(f"/proc/{p.pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt"):
    ok(empty_roots(p.pid) == 1 and not os.path.exists(f"/proc/{p.pid}/root/etc"), "its own root is empty")
p.kill()
p.wait()
done()
