#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# What files become, by the commands that --dry-run prints: merges, variables, addresses,
# words that a shell would take apart, all three forms. Nothing is started.
import os
import shlex
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lablib import *  # noqa: F403

os.environ["RING3_ROOT"] = "/"
os.environ["FROM_ENV"] = "a 'b' $c"
os.environ["EMPTY"] = ""


def plan(name, text, file="ring3.yaml", *words):
    p = ring3("up", "--dry-run", *words, lab(name, text, file) + ("" if file in ("ring3.yaml", "lab.conf") else "/" + file))
    if p.returncode:
        print("# " + p.stderr)
    nets, runs = [], {}
    for line in p.stdout.splitlines():
        line = shlex.split(line)
        if line[1] == "net":
            nets.append(line[3:])
        else:
            at = line.index("--") if "--" in line else len(line)
            runs[line[line.index("--name") + 1].split(".", 1)[1]] = (line[3:at], line[at + 1:])
    return nets, runs


def options(run, option):
    return [run[0][i + 1] for i, word in enumerate(run[0]) if word == option]


nets, runs = plan("all", """
x-base: &base
  mem: 128M
  environment: {ONE: "1", TWO: "${FROM_ENV}"}
x-more: &more {cpus: 1.5, mem: 256M}
networks:
  lan: {subnet: 10.1.0.0/29, gateway: 10.1.0.1, mtu: 1400}
  wan: {internal: false, subnet: 10.7.0.0/16}
  bare:
  default:
services:
  gw: {<<: *base, networks: {lan: {ip: [10.1.0.1, "fd00::1/48"]}, wan: }}
  a:
    <<: [*base, *more]
    cpus: 3
    networks: {lan: {mac_address: 52:54:00:00:00:01, delay: 2ms, loss: 1%}, bare: {ipv4_address: 1.2.3.4/8, gateway: 1.0.0.1}}
    command: "echo $FROM_ENV ${EMPTY:-empty} ${EMPTY-} ${UNSET-unset} $$HOME $1"
  b: {networks: [lan], command: [printf, "%s", "two words"], hostname: bee}
  c: {networks: [lan], ports: ["127.0.0.1:8080:80", 53/udp]}
  d: {init: /sbin/init}
""")
same(nets, [["--mtu", "1400", "all.lan"], ["--uplink", "nat,ipv4=10.7.0.0/16", "all.wan"], ["all.bare"], ["--uplink", "nat,ipv4=10.88.3.0/24", "all.default"]],
     "networks, with uplinks and their subnets")
same(options(runs["gw"], "--net"), ["switch:all.lan,ip=10.1.0.1/29,ip=fd00::1/48,mtu=1400", "switch:all.wan,ip=10.7.0.20/16,gw=10.7.0.2,dns=10.7.0.3"],
     "a router is not its own gateway; an uplink has router and resolver")
same(options(runs["gw"], "--env"), ["ONE=1", "TWO=a 'b' $c"], "variables as they are, by a merge")
same((options(runs["a"], "--mem"), options(runs["a"], "--cpus")), (["128M"], ["3"]), "of merges the first counts, and what is said itself before all")
same(options(runs["a"], "--net"), ["switch:all.lan,ip=10.1.0.2/29,gw=10.1.0.1,mac=52:54:00:00:00:01,mtu=1400,delay=2ms,loss=1%", "switch:all.bare,ip=1.2.3.4/8,gw=1.0.0.1"],
     "addresses are given out, cables passed on")
same(runs["a"][1][-3:], ["sh", "-c", "echo a 'b' $c empty  unset $HOME $1"], "a text is a shell's, with variables replaced and dollar signs kept")
same((runs["b"][1][-3:], options(runs["b"], "--hostname")), (["printf", "%s", "two words"], ["bee"]), "words are words")
same((options(runs["c"], "--publish"), options(runs["c"], "--net")[-1]), (["127.0.0.1:8080:80", "0:53/udp"], "nat"), "ports lead in by a card of their own")
same(options(runs["b"], "--net") + options(runs["c"], "--net")[:1], [f"switch:all.lan,ip=10.1.0.{n}/29,gw=10.1.0.1,mtu=1400" for n in (3, 4)], "each its own address")
same((options(runs["d"], "--init"), options(runs["d"], "--net"), runs["d"][1]), (["/sbin/init"], ["switch:all.default,ip=10.88.3.20/24,gw=10.88.3.2,dns=10.88.3.3"], []),
     "an init, and the default network")

nets, runs = plan("k", """
r[1]="B"
r[0]="A"
r[bridged]=true
r[cpus]=0.5
r[mem]="32m"
r[port]=80
r[port]="2222:22/tcp"
r[env]="X=a b"
pc[0]=A/02:42:ac:11:00:02   # a comment
pc[image]="kathara/base:1.2"
""", "lab.conf", "--image", "kathara/base=/etc")
same(sorted(n[-1] for n in nets), ["k.A", "k.B"], "Kathara: collision domains")
same(options(runs["r"], "--net"), ["switch:k.A", "switch:k.B", "nat"], "cards in the order of their numbers, the bridge last")
same((options(runs["r"], "--mem"), options(runs["r"], "--cpus"), options(runs["r"], "--publish"), options(runs["r"], "--env")),
     (["134217728"], ["1"], ["3000:80", "2222:22/tcp"], ["X=a b"]), "options")
same((options(runs["pc"], "--net"), options(runs["pc"], "--root")), (["switch:k.A,mac=02:42:ac:11:00:02"], ["/etc"]), "a MAC address; an image's name without its tag")

nets, runs = plan("c", """
topology:
  defaults: {kind: linux, env: {A: "1"}}
  kinds: {linux: {memory: 256mb, env: {B: "2"}}}
  nodes:
    a: {env: {A: "3"}, cmd: sleep 5}
    b: {network-mode: none}
    sw: {kind: bridge}
  links:
    - endpoints: ["a:eth1", "b:eth0"]
    - endpoints: ["a:eth2", "b:eth1"]
    - endpoints: ["b:eth2", "sw:eth1"]
    - {endpoints: [{node: a, interface: eth3}, "sw:eth2"], mtu: 9000}
""", "my.clab.yml")
same([n[-1] for n in nets], ["my.sw", "my.a-b", "my.link3"], "containerlab: links are networks, and a bridge is one; the lab has the file's name")
same((options(runs["a"], "--net"), options(runs["b"], "--net")),
     (["nat", "switch:my.a-b", "switch:my.link3", "switch:my.sw,mtu=9000"], ["switch:my.a-b", "switch:my.link3", "switch:my.sw,mtu=9000"]), "cards, a management network first")
same((options(runs["a"], "--env"), options(runs["a"], "--mem"), runs["a"][1][-1]), (["A=1", "B=2", "A=3"], ["256m"], "sleep 5"), "defaults, kinds, nodes")
# What a terminal would obey, or not show, is shown as what it is.
p = ring3("up", "--dry-run", lab("esc", 'services: {a: {networks: [], command: [echo, "a\\e[8mhidden\\e[0m", "\\u202ex", "it\'s\\a", "\\u00e4"]}}'))
ok(p.stdout.isprintable() or all(c.isprintable() or c == "\n" for c in p.stdout), "no control characters in what is printed", p.stdout)
ok(p.stdout.endswith(" echo $'a\\033[8mhidden\\033[0m' $'\\342\\200\\256x' $'it\\047s\\007' \u00e4\n"), "but as bash reads them", p.stdout)
same(left(), [], "nothing was started")
done()
