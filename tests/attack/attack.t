#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# timeout: 2000
"""Each attack as guest root and as guest user, with one CPU and with two. All
their tries fail, the guest goes on and does its work, and the host is as it
was: only processes of the attackers have ended. See docs/walls.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import *

ATTACKS = [
    "jump",
    "calls",
    "forge",
    "frames",
    "heir",
    "moved 10",
    "copies 2000",
    "patches 3000",
    "revoke 200",
    "leave 30",
    "stale 4000",
    "race 1",
    "scribble 4 CPUS",
    "maps",
    "peek WITNESS",
    "mask 0 MASK CROWD",
    "mask 3 4",
    "exhaust processes 200",
    "exhaust threads 300",
    "exhaust mappings 2000",
    "exhaust memory 1000",
]

WHO = {"root": None, "user": "1000:1000"}


def one(guest, cpus, who, words):
    watch = Watch(guest)
    # One way more of refusing, which each costs two seconds, to either; fifteen in a crowd.
    mask, crowd = ("1", "5") if who == "root" else ("2", "6")
    words = words.replace("CPUS", str(cpus)).replace("MASK", mask).replace("CROWD", crowd)
    status, out = guest.attack(words, WHO[who])
    why = [] if status == 0 else [f"status {status}"]
    went = guest.goes_on()
    why += [went] if went else []
    why += watch.complaints(cpus)
    ok(not why, f"{cpus} CPU, {who}: {words}", *why, out, guest.text[-2000:].decode(errors="replace"))


for cpus in map(int, os.environ.get("RING3_TEST_CPUS", "1 2").split()):
    before = files()
    guest = Target(cpus, mem="256M")
    family = births(guest.family())
    if not ok(guest.up and guest.put(), f"{cpus} CPU: a guest with the attacks in it", guest.text.decode(errors="replace")):
        guest.close()
        continue
    for who in WHO:
        for words in ATTACKS:
            if guest.proc.poll() is None:
                one(guest, cpus, who, words)
    status, out = guest.exec("cat /proc/loadavg && ps -e -o comm= | grep -c attack-", seconds=20)
    same(out.split("\n")[-2:-1], ["1"], f"{cpus} CPU: only the witness is left in the guest")
    family.update(births(guest.family()))
    run("stop", guest.name)
    status = guest.wait(30)
    ok(status is not None and wait_until(lambda: not alive(family)), f"{cpus} CPU: all host processes end with the guest",
       status, alive(family), guest.text[-2000:].decode(errors="replace"))
    same(files() - before, set(), f"{cpus} CPU: no file is left")
    guest.close()
done()
