#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# What a guest kernel gets out of the managers of spaces, which do what it
# orders: nothing but their list; no signal to others, no process that stays.
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

BUILD, RING3 = os.environ["BUILD"], os.environ["RING3"]
DISK = os.path.join(TMP, "disk")
with open(DISK, "wb") as f:
    f.truncate(1 << 20)
symbols = subprocess.run(["nm", os.path.join(BUILD, "space/r3space")], stdout=subprocess.PIPE, check=True, text=True).stdout
site = {name: int(addr, 16) & 0xfff for addr, name in re.findall(r"^(\w+) . site_(\w+)$", symbols, re.M)}


def orders(what, *options, host=()):
    """What was answered, what ring3 said, and what became of somebody else's process."""
    victim = subprocess.Popen(["sleep", "100"])
    r = subprocess.run([*host, RING3, "run", "--kernel", os.path.join(BUILD, "tests/jail/orders"), "--init", "/none",
                        "--early-console", "--root", DISK, "--mem", "64M", "--timeout", "30", *options, "--append",
                        f"victim={victim.pid} map={site['map']} kick={site['kick']} zygote={site['zygote']}"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    text = r.stdout.decode(errors="replace").split("-" * 40)[0]
    ok("all tried" in text.splitlines(), f"{what}: all was tried", text)
    try:
        status = victim.wait(0.3)
    except subprocess.TimeoutExpired:
        status = None
        victim.kill()
        victim.wait()
    return dict(re.findall(r"^(\w+) (answered -?\d+|refused|lost)$", text, re.M)), status


WANT = {"itself": "answered 0", "kill": "refused", "fork": "refused", "survive": "refused", "elsewhere": "refused"}
answers, victim = orders("a host with Landlock's scopes")
if answers.get("victim") == "refused":
    skip("Landlock keeps signals inside", "host: it has no scopes for signals, a filter does it")
else:
    same(answers.get("victim"), "answered -1", "Landlock keeps signals inside")
same(victim, None, "nobody else gets a signal")
same({k: v for k, v in answers.items() if k != "victim"}, WANT, "a manager's code makes its list's calls and nothing else")
answers, victim = orders("a host without them", host=(os.path.join(BUILD, "tests/jail/without"), "landlock", "--"))
same(answers, WANT | {"victim": "refused"}, "a filter of each space's keeps signals inside")
same(victim, None, "nobody else gets a signal there")
answers, victim = orders("no jail", "--jail", "off")
same((answers.get("victim"), victim), ("answered 0", -10), "without a jail somebody does: this test can fail")
done()
