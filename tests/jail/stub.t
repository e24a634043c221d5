#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# The filters of a space's threads, as the shipped image has them: each host
# system call from each instruction of the stub. What is let through is what
# SECURITY.md lists, with the arguments that it lists, and from there only.
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

REPO, BUILD = os.environ["REPO"], os.environ["BUILD"]
STUB = os.path.join(BUILD, "tests/jail/stub")
IMAGE = os.path.join(BUILD, "space/r3space")
# Instructions that guest threads run; their own filter is behind the manager's.
GUESTS = {"guest_wake", "guest_wait", "guest_yield", "sigreturn", "set_stack"}

text = subprocess.run(["cc", "-E", "-dM", "-include", "asm/unistd_64.h", "-xc", "/dev/null"],
                      stdout=subprocess.PIPE, check=True, text=True).stdout
names = {n: name for name, n in re.findall(r"#define __NR_(\w+) (\d+)", text)}
listed = {}
checks = subprocess.run([os.path.join(REPO, "monitor/jail/policy"), "--checks"], stdout=subprocess.PIPE, check=True, text=True)
for line in checks.stdout.splitlines():
    kind, call, args = line.split()
    listed.setdefault(kind, set()).add((call, args))


def passed(kind):
    r = subprocess.run([STUB, IMAGE, kind], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
    lines = [line.split() for line in r.stdout.splitlines()]
    ok(r.returncode == 0 and [kind, "sites"] in [line[:2] for line in lines], f"{kind}: all was tried", r.stdout)
    return {(site, names.get(nr, nr), args) for k, site, nr, args in (line for line in lines if len(line) == 4)}


def of(found, wanted):
    return sorted({(call, args) for site, call, args in found if wanted(site)})


edges = subprocess.run([STUB, IMAGE, "edges"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
bad = [line for line in edges.stdout.splitlines() if not line.startswith("ok ")]
ok(edges.returncode == 0 and not bad and edges.stdout.count("\n") > 60, "manager: memory is ordered where guest and slots are, and nowhere else", *bad)
edges = subprocess.run([STUB, IMAGE, "guest-edges"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
bad = [line for line in edges.stdout.splitlines() if not line.startswith("ok ")]
ok(edges.returncode == 0 and not bad and edges.stdout.count("\n") == 8, "guest: waits at one word of a slot and wakes at the other", *bad)
found = passed("guest")
same(of(found, lambda site: True), sorted(listed["guest"]), "guest: what is let through is the list, its arguments too")
same({site for site, _, _ in found}, GUESTS, "guest: from its own instructions only")
found = passed("manager")
same(of(found, lambda site: site == "zygote"), sorted(listed["zygote"]),
     "zygote: what is let through is the list, its arguments and the secret too")
same(of(found, lambda site: site not in GUESTS | {"zygote"}), sorted(listed["manager"]),
     "manager: what is let through is the list, its arguments too")
same({call for site, call, _ in found if site in GUESTS}, {call for call, _ in listed["guest"]},
     "manager: guest threads' instructions make nothing else")
sites = [site for site, call in {(site, call) for site, call, _ in found if site != "zygote"}]
same(len(sites), len(set(sites)), "each instruction but the zygote's makes one call")
same([call for site, call, _ in found if site.startswith("elsewhere")], [], "nothing is let through from elsewhere")
same([call for call, args in listed["zygote"] if call != "mmap" and "5" not in args.split(",")], [],
     "the zygote's calls but mmap want the secret")
done()
