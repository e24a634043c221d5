#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# needs: mutation
# What a guest kernel gets out of the managers of spaces, which do what it orders:
# memory where a guest has it, a thread for each slot, and nothing that makes them
# run other code. Without that wall, where they would run any, their list holds, no
# signal reaches others, and no process stays.
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

BUILD = os.environ["BUILD"]
BUILT = os.environ["RING3"], os.path.join(BUILD, "space/r3space")
DISK = os.path.join(TMP, "disk")
with open(DISK, "wb") as f:
    f.truncate(1 << 20)


def guest(tools, words, *options, host=()):
    ring3, image = tools
    symbols = subprocess.run(["nm", image], stdout=subprocess.PIPE, check=True, text=True).stdout
    site = {name: int(addr, 16) & 0xfff for addr, name in re.findall(r"^(\w+) . site_(\w+)$", symbols, re.M)}
    words += "".join(f" {name}={site[name]}" for name in ("map", "kick", "zygote", "seccomp"))
    return subprocess.Popen([*host, ring3, "run", "--kernel", os.path.join(BUILD, "tests/jail/orders"), "--init", "/none",
                             "--early-console", "--root", DISK, "--mem", "64M", "--timeout", "60", *options, "--append", words],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def answers(what, p):
    text = p.communicate(timeout=90)[0].split("-" * 40)[0]
    ok("all tried" in text.splitlines(), f"{what}: all was tried", text)
    return dict(re.findall(r"^(\w+) (answered -?\d+|done|failed|refused|lost)$", text, re.M))


def code(what, tools, *options, **more):
    """What was answered, and what became of somebody else's process."""
    victim = subprocess.Popen(["sleep", "100"])
    found = answers(what, guest(tools, f"code=1 victim={victim.pid}", *options, **more))
    try:
        status = victim.wait(0.3)
    except subprocess.TimeoutExpired:
        status = None
        victim.kill()
        victim.wait()
    return found, status


got = answers("orders", guest(BUILT, "orders=1"))
same(got, dict.fromkeys(("low", "high", "slot", "last_slot", "drop"), "done") |
     dict.fromkeys(("thread_low", "thread_behind", "thread_between"), "failed") |
     dict.fromkeys(("map_stub", "map_fast", "map_filters", "map_orders", "map_into", "map_behind", "slot_code", "unmap_stub",
                    "unmap_all", "write_stub", "ack_ram", "ack_other"), "refused"),
     "memory is ordered where guest and slots are; over the stub the manager ends instead")

def allowed(path):
    with open(path, encoding="utf-8") as f:
        return re.search(r"^Cpus_allowed_list:\s*(\S+)", f.read(), re.M)[1]


cpus = sorted(os.sched_getaffinity(0))
if len(cpus) < 2:
    skip("host CPUs of guest threads", "host: it has one CPU")
else:
    p = guest(BUILT, f"threads=1 cpu={cpus[-1]}", "--cpus", "2")
    seen, said = [], []
    for line in p.stdout:
        said.append(line.rstrip())
        if m := re.match(r"threads (\d+) ", line):
            for path in glob.glob(f"/proc/{m[1]}/task/*/status"):
                manager = path.split("/")[4] == m[1]
                # A thread that the host has not run yet is on its way there.
                wait_until(lambda: manager or allowed(path) == str(cpus[-1]), 3)
                seen.append((manager, allowed(path)))
    p.wait()
    ok(len(seen) == 65, "a manager and a thread a slot, however many are ordered", len(seen), *said[-20:])
    same({cpu for manager, cpu in seen if not manager}, {str(cpus[-1])},
         "each is on the host CPU that was ordered, whatever other threads write into its slot")

got, victim = code("code of its own", BUILT)
same(set(got.values()), {"refused"}, "no manager runs any")
same(victim, None, "nobody gets a signal")

unbound = build_without(["bounds"], "cli/ring3", "space/r3space")
WANT = {"itself": "answered 0", "kill": "refused", "fork": "refused", "survive": "refused", "elsewhere": "refused",
        "filter": "answered 0"}
got, victim = code("a manager that runs it, on a host with Landlock's scopes", unbound)
if got.get("victim") == "refused":
    skip("Landlock keeps signals inside", "host: it has no scopes for signals, a filter does it")
else:
    same(got.get("victim"), "answered -1", "Landlock keeps signals inside")
same(victim, None, "nobody else gets a signal")
same({k: v for k, v in got.items() if k != "victim"}, WANT, "it makes its list's calls and nothing else")
got, victim = code("on a host without them", unbound, host=(os.path.join(BUILD, "tests/jail/without"), "landlock", "--"))
same(got, WANT | {"victim": "refused"}, "a filter of each space's keeps signals inside")
same(victim, None, "nobody else gets a signal there")
got, victim = code("and without a jail", unbound, "--jail", "off")
same((got.get("victim"), victim), ("answered 0", -10), "somebody does: this test can fail")
done()
