#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# A guest kernel that was taken over can have no more processes on the host than
# its RAM allows for: see "What a guest costs its host at most" in SPECIFICATION.md.
import os
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

BUILD, RING3 = os.environ["BUILD"], os.environ["RING3"]
NOBODY = 65534
DISK = os.path.join(TMP, "disk")
with open(DISK, "wb") as f:
    f.truncate(1 << 20)
# R3_SPACES() for 64 MB and one vCPU, with two tasks each, and what the monitor has.
TASKS = (512 + 4 + 4) * 2 + 40

# The host has no such limit for its root.
host, env = [], dict(os.environ)
env.pop("RING3_MODULES", None)
if os.getuid() == 0:
    env["XDG_RUNTIME_DIR"] = env["TMPDIR"] = os.path.join(TMP, "nobody")
    os.mkdir(env["TMPDIR"])
    for path in env["TMPDIR"], DISK:
        os.chown(path, NOBODY, NOBODY)
    # The runner's own folders are for its user only.
    for path in TMP, os.path.dirname(TMP):
        mode = os.stat(path).st_mode
        if not mode & stat.S_ISVTX:
            os.chmod(path, stat.S_IMODE(mode) | 0o055)
    host = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--"]
    if subprocess.run([*host, RING3, "--version"], env=env, stdout=subprocess.DEVNULL).returncode:
        skip_all("host: ring3 cannot be run as another user than root")


def births(*options):
    r = subprocess.run([*host, RING3, "run", "--kernel", os.path.join(BUILD, "tests/jail/births"), "--init", "/none",
                        "--early-console", "--root", DISK, "--mem", "64M", "--timeout", "60", *options],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90, env=env)
    out = r.stdout.decode(errors="replace")
    m = re.search(r"^(\d+) live, (\d+) failed$", out, re.M)
    return (int(m[1]), int(m[2])) if m else (None, out)


live, failed = births()
if subprocess.run([*host, "unshare", "-U", "true"], stderr=subprocess.DEVNULL).returncode:
    skip("no more processes than RAM allows for", "host: no user namespaces for plain users")
else:
    ok(live is not None and 500 < live <= TASKS and failed, f"no more than {TASKS} processes", live, failed)
live, failed = births("--jail", "off")
ok(live == 1500, "without the jail there are more: this test can fail", live, failed)
done()
