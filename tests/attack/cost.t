#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1500
# tags: slow
"""What one guest costs its host at most, by its RAM, whatever its users and its
root do; and that the guest goes on. See "Limits" in SPECIFICATION.md."""
import os
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import *

MAPPINGS = 16384 + 3000  # mm/vmap.c, and all else that the monitor has


def bound(mb, cpus):
    """R3_SPACES() of abi/ring3/space.h."""
    return max(64, (mb << 20) >> 17) + 4 + 4 * cpus


def lines(pid):
    try:
        with open(f"/proc/{pid}/maps", "rb") as f:
            return f.read().count(b"\n")
    except OSError:
        return 0


class Meter:
    """The most that a guest has had while something ran."""

    def __init__(self, guest):
        self.guest, self.monitor, self.end = guest, guest.monitor(), threading.Event()
        self.spaces = self.threads = self.mappings = self.mapped = 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.end.is_set():
            spaces = [pid for pid in children(self.monitor) if comm(pid) == "ring3-space"]
            self.spaces = max(self.spaces, len(spaces))
            self.threads = max(self.threads, sum(threads(pid) for pid in spaces))
            self.mappings = max(self.mappings, len(maps(self.monitor)))
            self.mapped = max(self.mapped, sum(lines(pid) for pid in spaces[:60]))
            self.end.wait(0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.end.set()
        self.thread.join()


def costs(mb, cpus, who, words, want=None, before=None):
    what = f"--mem {mb}M --cpus {cpus}, {who or 'root'}: {words}"
    guest = Target(cpus, mem=f"{mb}M", append="quiet")
    try:
        if not ok(guest.up and guest.put(), f"{what}: a guest", guest.text.decode(errors="replace")):
            return
        if before:
            same(guest.exec(before)[0], 0, f"{what}: {before}")
        watch = Watch(guest)
        with Meter(guest) as meter:
            status, out = guest.attack(words, who)
        print("#", out.strip(), f"- {meter.spaces} spaces, {meter.threads} threads, {meter.mappings} mappings of the monitor, {meter.mapped} of 60 spaces")
        ok(status == 0 and (not want or re.search(want, out)), f"{what}: fails, or does no harm", status, out)
        ok(meter.spaces <= bound(mb, cpus), f"{what}: no more spaces than {bound(mb, cpus)}", meter.spaces)
        ok(meter.threads <= bound(mb, cpus) * (1 + cpus), f"{what}: nor threads than {bound(mb, cpus) * (1 + cpus)}", meter.threads)
        ok(meter.mappings <= MAPPINGS, f"{what}: nor mappings of the monitor than {MAPPINGS}", meter.mappings)
        ok(meter.mapped <= mb * 1024 + 60 * 100, f"{what}: nor mappings of all spaces than one for each KiB", meter.mapped)
        why = [guest.goes_on(), *watch.complaints(cpus)]
        ok(not any(why), f"{what}: the guest goes on", *why, guest.text[-2000:].decode(errors="replace"))
    finally:
        guest.close()


# EAGAIN or ENOMEM.
costs(64, 1, "1000:1000", "exhaust processes 4000", want=r"^(?!4000)\d+ processes.*error 1[12]$")
costs(192, 2, None, "exhaust processes 4000", want=r"^(?!4000)\d+ processes.*error 1[12]$",
      before="echo 100000 > /proc/sys/kernel/threads-max")
costs(64, 2, "1000:1000", "exhaust ended 1500")
costs(64, 2, "1000:1000", "exhaust zeros 30")
costs(1024, 2, "1000:1000", "exhaust filters 70000", want="^70000 filters")
done()
