#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Labs that are wrong: one sentence that says where and what, and nothing was started.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lablib import *  # noqa: F403

MACHINE = "services: {a: {%s}}"
YAML = [
    ("", "is empty"),
    ("[", "ring3.yaml:2:1: did not find expected node content"),
    ("- a", "a lab begins with a key"),
    ("services: {a: {}}\n---\nservices: {}", "2:1: a second document begins here"),
    ("services:\n  a:\n    prots: []", '3:5: services.a: there is no key "prots" here; did you mean "ports"?'),
    ("service: {a: {}}", 'there is no key "service" here; did you mean "services"?'),
    ("networks: {}", "services: is missing"),
    ("services: {}", "there is no machine in it"),
    ("services: {a: {}}\nmachines: {b: {}}", "services: and machines: are the same"),
    ("services: {a: {}, a: {}}", "this key is there already"),
    ("services: {'a b': {}}", '"a b" cannot be the name of a machine'),
    (f"services: {{{'a' * 60}: {{}}}}", "longer than 63 characters"),
    ("name: a.b\nservices: {a: {}}", '"a.b" cannot be the name of a lab'),
    (MACHINE % "networks: [x]", 'there is no network "x"'),
    (MACHINE % "networks: {default: {ip: 1.2.3.4/99}}", "no address with a prefix"),
    (MACHINE % "networks: {default: {loss: 300%}}", "a percentage from 0% to 100%"),
    ("networks: {n: }\n" + MACHINE % "networks: {n: {ip: 10.0.0.1}}", "say how long the network's prefix is"),
    ("networks: {n: {subnet: 10.0.0.0}}\n" + MACHINE % "", "give a network like 10.1.0.0/24"),
    ("networks: {n: {subnet: 10.0.0.0/30}}\nservices: {a: {networks: [n]}, b: {networks: [n]}}", "has no address left"),
    ("networks: {n: {subnet: 10.0.0.0/24}}\nservices: {a: {networks: {n: {ip: 10.0.0.9}}}, b: {networks: {n: {ip: 10.0.0.9}}}}",
     "a and b have the same address 10.0.0.9/24 in n"),
    ("networks: {n: {external: true}}\n" + MACHINE % "", "a lab has its own networks only"),
    (MACHINE % "depends_on: [b]", "a depends on b, and there is no such machine"),
    (MACHINE % "depends_on: [a]", "a depends on itself"),
    ("services: {a: {depends_on: [b]}, b: {depends_on: [a]}}", "in a circle"),
    ("services: {a: {depends_on: {b: {condition: service_healthy}}}, b: {}}", "which has no healthcheck"),
    ("services: {a: {depends_on: {b: {condition: service_completed_successfully}}}, b: {}}", "which has none"),
    (MACHINE % "healthcheck: {interval: soon}", "give a time like 500ms"),
    (MACHINE % "mem: lots", "mem: give a size like 512M"),
    (MACHINE % "mem: 1M", "a guest needs 64M or more|is 1M"),
    (MACHINE % "cpus: 0", "give a number of CPUs from 1 to 64"),
    (MACHINE % "ports: [x]", "ports: --publish"),
    (MACHINE % "volumes: [data:/data]", "there are no named volumes"),
    (MACHINE % "volumes: [./missing:/data]", "No such file or directory"),
    (MACHINE % "build: .", "ring3 builds no images"),
    (MACHINE % "image: debian", "ring3 has no registry"),
    (MACHINE % "root: ./none.img", "none.img cannot be read"),
    (MACHINE % "image: x, root: ./y", "say image: or root:, not both"),
    (MACHINE % "init: /sbin/init, command: x", "init: and command: exclude each other"),
    (MACHINE % "user: me", "a: --user me"),
    (MACHINE % "kernel: ./none", "a: cannot open the guest kernel"),
    (MACHINE % "sysctls: ['x']", "sysctls: give NAME=VALUE"),
    (MACHINE % 'command: "$NOT_SET_ANYWHERE"', "the variable NOT_SET_ANYWHERE is not set; set it, or write $$NOT_SET_ANYWHERE"),
    (MACHINE % "command: *x", "there is no such anchor"),
    ("a: &a [*a]\n" + MACHINE % "", "there is no such anchor"),
    ("x-a: " + "[" * 60, "nested too deeply"),
    ("x-a: [" + "1," * 60000 + "]", "more than a lab's file may have"),
    ("#" * (1 << 20) + "\n", "is larger than a lab's file may be"),
    ("topology: {nodes: {a: {kind: srl}}}", "kind: srl is not linux or bridge"),
    ("topology: {nodes: {a: }, links: [{endpoints: [a:eth1]}]}", "a link is written endpoints"),
    ("topology: {nodes: {a: }, links: [{endpoints: [a:eth1, b:eth1]}]}", 'there is no node "b"'),
    ("topology: {nodes: {a: , b: }, links: [{endpoints: [a:eth2, b:eth1]}]}", "a has a card eth2, but no eth1"),
    ("topology: {nodes: {a: , b: }, links: [{endpoints: [a:e1-1, b:eth1]}]}", "interfaces are called eth0, eth1"),
    ("topology: {links: []}", "nodes: is missing"),
]
CONF = [
    ("a[0]", "write DEVICE[OPTION]=VALUE"),
    ("a[0=A", "write DEVICE[OPTION]=VALUE"),
    ("LAB_NAME=x\nFOO=x", 'lab.conf:2: "FOO": write DEVICE'),
    ("a[imagee]=x", 'there is no such option; did you mean "image"?'),
    ('a[exec]="x', "a quote is missing"),
    ("a[0]=A.B", "cannot be the name of a collision domain"),
    ("a[0]=A\na[2]=B", "a has a card eth2, but no eth1"),
    ("a[0]=A\na[0]=B", "a has two cards eth0"),
    ("a[0]=A/zz", "is no MAC address"),
    ("a[9]=A", "a guest has interfaces eth0 to eth7"),
    ("a[bridged]=maybe", "say true or false"),
    ("a[mem]=x", "give a size"),
    ("a[port]=80/sctp", "give [HOST:]GUEST"),
    ("a[sysctl]=kernel.x=1", "a name below net."),
    ("shared[0]=A", "cannot be called shared"),
    ("a[0]=A\na[image]=kathara/frr", "--image kathara/frr=ROOT"),
    ("# nothing", "there is no machine in it"),
]


def one_sentence(p):
    lines = p.stderr.splitlines()
    return len(lines) == 1 and lines[0].startswith("ring3: ")


def check(what, p, want):
    good = p.returncode == 125 and one_sentence(p) and any(w in p.stderr for w in want.split("|"))
    ok(good, f"{what}: {want or 'refused'}", p.returncode, p.stderr)


for i, (text, want) in enumerate(YAML):
    folder = lab(f"y{i}", text)
    check(" ".join(text[:50].split()), ring3("up", folder), want)
for i, (text, want) in enumerate(CONF):
    folder = lab(f"k{i}", text, "lab.conf")
    check(" ".join(text[:50].split()), ring3("up", folder), want)

# The folder around a lab.conf, and the words of the commands.
dep = lab("dep", "a[0]=A\n", "lab.conf")
write(dep + "/lab.dep", "a: b\n")
check("lab.dep", ring3("up", dep), "depends on b")
ext = lab("ext", "a[0]=A\n", "lab.conf")
write(ext + "/lab.ext", "A eth0\n")
check("lab.ext", ring3("up", ext), "lab.ext")
os.mkdir(HOME + "/empty")
check("an empty folder", ring3("up", HOME + "/empty"), "there is no lab in")
check("no folder", ring3("up", HOME + "/none"), "cannot open the lab")
check("two files", ring3("up", "a", "b"), "unexpected word b")
check("an option's value", ring3("up", "--image", "x"), "give NAME=ROOT")
check("a name that none can be", ring3("up", "--name", "a.b", lab("n", "services: {a: {}}")), 'cannot be the name of a lab')
check("down of what is not up", ring3("down", lab("nd", "services: {a: {}}")), "nothing runs of")
check("down of a name", ring3("down", "--name", "nobody"), "no lab called nobody")
check("status of a name", ring3("status", "nobody"), "no lab called nobody")

# Thirteen levels of nine aliases each: text of 300 bytes that means 10^12 words.
laughs = "x-a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"x-{c}: &{c} [{','.join(['*' + chr(ord(c) - 1)] * 9)}]\n" for c in "bcdefghijklm") + "services: {m: {startup: *m}}\n"
check("aliases of aliases", ring3("up", lab("laughs", laughs), timeout=20), "a command for a shell is expected here")

# What would be too much to be read again by down; and another's machine, which down would remove.
long = 'x-s: &s "true #' + "x" * 60000 + '"\n' + MACHINE % ("networks: [], shutdown: [" + ",".join(["*s"] * 400) + "]")
check("shutdown scripts without end", ring3("up", lab("long", long)), "shutdown scripts are too long")
check("words for a script without end", ring3("up", lab("words", MACHINE % (
    "networks: [], shell: x, startup: x, environment: [" + ",".join(f"A{i}=x" for i in range(253)) + "]")),
    env={k: v for k, v in os.environ.items() if k != "RING3_ROOT"}), "more than 512")
same(left(), [], "nothing was started, and nothing is left")
same(ring3("create", "--name", "mine.a", "--", "true").returncode, 0, "a machine of the user's own")
check("its name", ring3("up", "--name", "mine", lab("mine", MACHINE % "networks: []")), "a machine called mine.a, which is not this lab's")
same(ring3("ps", "-aq").stdout, "mine.a\n", "it is there still")
same(ring3("rm", "mine.a").returncode, 0, "rm")
same(left(), [], "nothing was started, and nothing is left")
done()
