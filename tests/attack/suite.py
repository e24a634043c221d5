# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests under attack, and what their host has to say: see docs/walls.md."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "boot"))
from host import *

PROGRAMS = os.path.join(os.environ["BUILD"], "tests", "attack")

PATIENCE = 60  # seconds for what soon is as it was
PARKED = 4  # R3_PARKED_SPACES: for each vCPU
STUB_BASE = 0x7fe000000000  # abi/ring3/layout.h

# What a kernel says that has found itself damaged.
UNHAPPY = "BUG|WARNING:|Oops|corrupt|Redzone|Bad page|Bad rss|stall|soft lockup|panic"

# Done by the guest after each attack. The witness has looked after itself.
WORK = r"""
set -e
before=$(cut -d' ' -f3 /tmp/beat)
seq 5000 > /tmp/work && sort -rn /tmp/work | sort -n | cmp - /tmp/work
test "$(for i in 1 2 3 4; do (echo $i); done | wc -l)" = 4
tar c /etc 2>/dev/null | gzip -1 | gzip -t
n=0
while test "$(cut -d' ' -f3 /tmp/beat)" = "$before"; do
	n=$((n + 1)); test $n -lt 1000; sleep 0.01
done
grep -q well /tmp/beat
if dmesg | grep -E 'PATTERN'; then exit 9; fi
echo went on
""".replace("PATTERN", UNHAPPY)


class Target(Guest):
    """A guest with the attacks in /tmp/a and the witness."""

    def __init__(self, cpus, *options, env=None, mem="512M", append="slub_debug=FZ", ring3=None, timeout=2000):
        self.name = f"attack-{os.getpid()}-{cpus}-{int(time.monotonic() * 1000) % 100000}"
        self.ring3 = ring3 or RING3
        env = dict(env or os.environ, R3_ATTACK_SECRET="ring3-host-environment-7d")
        self.env = env
        super().__init__("--name", self.name, "--cpus", str(cpus), "--mem", mem, "--append", append, *options,
                         "--", "sh", "-c", "echo up; exec sleep 3000", timeout=timeout, env=env, ring3=self.ring3)
        self.up = self.expect("up\n", 30)

    def put(self):
        """The programs and the witness into the guest."""
        with tempfile.TemporaryFile() as f:
            names = sorted(os.path.basename(p) for p in glob.glob(PROGRAMS + "/attack-*") if os.path.isfile(p))
            subprocess.run(["tar", "c", "-C", PROGRAMS, *names], stdout=f, check=True)
            f.seek(0)
            ok = self.exec("mkdir /tmp/a && chmod 755 /tmp/a && tar x -C /tmp/a", stdin=f)[0] == 0
        status, out = self.exec("(/tmp/a/attack-witness /tmp/beat > /dev/null 2>&1 &) ; "
                                "while ! test -s /tmp/beat; do sleep 0.01; done; cat /tmp/beat")
        self.witness = out.split()[:2]
        # What is there whatever else runs: PID 1, its shell, the witness.
        core, rest = self.spaces(), self.others()
        for _ in range(4):
            self.exec("sleep 0.05; true | true")
            core &= self.spaces()
            rest &= self.others()
        self.core, self.rest = births(core), births(rest)
        return ok and status == 0 and len(core) >= 3 and len(rest) >= 3

    def exec(self, command, user=None, seconds=60, stdin=subprocess.DEVNULL):
        """Status and output; status is None if it took too long."""
        try:
            p = subprocess.run([self.ring3, "exec", *(["-u", user] if user else []), self.name, "--",
                                "sh", "-c", command], stdin=stdin, stdout=subprocess.PIPE, env=self.env,
                               stderr=subprocess.STDOUT, timeout=seconds)
            return p.returncode, p.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as e:
            return None, (e.output or b"").decode(errors="replace")

    def attack(self, words, user, seconds=400):
        """Status (0 all tries failed, 1 one got through) and output."""
        words = words.replace("WITNESS", " ".join(self.witness))
        return self.exec(f"cd /tmp && exec timeout -s KILL {seconds} /tmp/a/attack-{words}", user, seconds + 20)

    def goes_on(self, seconds=200):
        """'', or why not."""
        status, out = self.exec(WORK, seconds=seconds)
        return "" if status == 0 and "went on" in out else f"the guest does not go on ({status}): {out}"

    def spaces(self):
        """Host processes that run guest user code, without fresh and parked ones."""
        return {pid for pid in self.family() if comm(pid) == "ring3-space" and threads(pid) > 1 and not is_parked(maps(pid))}

    def parked(self):
        """The mappings of those that have served, and are kept for others."""
        found = {pid: maps(pid) for pid in self.family() if comm(pid) == "ring3-space" and threads(pid) > 1}
        return {pid: lines for pid, lines in found.items() if is_parked(lines)}

    def leftovers(self):
        """Those of them that have memory of a guest process still."""
        return [pid for pid, lines in self.parked().items() if any(start < STUB_BASE for start, _ in lines)]

    def others(self):
        """ring3, monitor, zygote; and what is a space in a moment."""
        return {pid for pid in self.family() if comm(pid) != "ring3-space"}


def threads(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def maps(pid):
    """Start and access rights of what a process has mapped."""
    try:
        with open(f"/proc/{pid}/maps") as f:
            return [(int(line.split("-")[0], 16), line.split()[1]) for line in f]
    except OSError:
        return []


def is_parked(mappings):
    """A space that nobody uses can write nothing, not even its slot."""
    return bool(mappings) and not any("w" in rights for _, rights in mappings)


def descriptors(pid):
    try:
        return sorted(os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return []


class Watch:
    """The host's view of a guest, before and after an attack."""

    def __init__(self, guest):
        self.guest = guest
        self.monitor = guest.monitor()
        self.fds = descriptors(self.monitor)
        self.threads = threads(self.monitor)

    def complaints(self, cpus):
        """What is not as it was. Attackers are not there before and not after."""
        why = []
        gone = [pid for pid in self.guest.core if pid not in alive(self.guest.core)]
        if gone:
            why.append(f"host processes of other guest processes ended: {gone}")
        gone = [pid for pid in self.guest.rest if pid not in alive(self.guest.rest)]
        if gone:
            why.append(f"ring3, its monitor or zygote ended: {gone}")
            return why
        # An idle vCPU keeps the address space that it had last.
        if not wait_until(lambda: len(self.guest.spaces()) <= len(self.guest.core) + cpus, PATIENCE):
            why.append(f"host processes are left: {sorted(self.guest.spaces() - set(self.guest.core))}")
        if not wait_until(lambda: len(self.guest.parked()) <= PARKED * cpus, PATIENCE):
            why.append(f"more spaces are parked than should be: {sorted(self.guest.parked())}")
        # Its slot is made read-only just before that.
        if not wait_until(lambda: not self.guest.leftovers(), PATIENCE):
            why.append(f"spaces that nobody uses have memory of guest processes: {self.guest.leftovers()}")
        if not wait_until(lambda: descriptors(self.monitor) == self.fds, PATIENCE):
            why.append("the monitor's descriptors changed")
        if threads(self.monitor) != self.threads:
            why.append("the monitor's threads changed")
        return why
