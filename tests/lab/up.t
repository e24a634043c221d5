#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# A lab in YAML: three guests and a router reach each other; what is changed is started
# anew, and only that; two labs live side by side; down leaves nothing.
import os
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lablib import *  # noqa: F403

LAB = """
networks:
  left: {subnet: 10.1.0.0/24, gateway: 10.1.0.1}
  right: {subnet: 10.2.0.0/24, gateway: 10.2.0.1}
x-small: &small {mem: 128M}
services:
  a:
    <<: *small
    networks: [left]
    environment: {WORD: "${WORD} of a"}
    startup:
      - echo "$$WORD" > /tmp/word
      - |
        test -e /tmp/word || exit 1
        echo ready > /tmp/ready
    depends_on: {router: {condition: service_healthy}}
  b: {<<: *small, networks: {left: {ipv4_address: 10.1.0.77}}}
  c:
    <<: *small
    networks: {right: {delay: 30ms}}
    hostname: sea
    volumes: ["./shared:/shared", "./file.conf:/etc/deep/below/file.conf"]
    command: [sh, -c, "cat /etc/deep/below/file.conf > /tmp/seen; exec sleep infinity"]
  router:
    <<: *small
    networks: {left: {ip: 10.1.0.1}, right: {ip: 10.2.0.1}}
    sysctls: {net.ipv4.ip_forward: 1}
    startup: sleep 0.5; touch /run/well
    healthcheck: {test: [CMD, test, -e, /run/well], interval: 100ms, retries: 200}
"""
folder = lab("net", LAB)
write(folder + "/.env", "# a comment\nWORD='a word'\n")
write(folder + "/shared/from-host", "x")
write(folder + "/file.conf", "a line\n")

p = ring3("up", folder)
ok(p.returncode == 0, "up", p.stderr)
same(guests(), ["net.a", "net.b", "net.c", "net.router"], "the guests are called LAB.MACHINE")
same(switches(), ["net.left", "net.right"], "and the switches LAB.NETWORK")
out = inside("net.a", "ping -q -c 1 -W 10 b && ping -q -c 1 -W 10 c && ping -q -c 1 -W 10 10.2.0.1 && echo all; hostname; cat /tmp/word /tmp/ready")
ok("all\na\na word of a\nready\n" in out, "a reaches b, and c and the router behind it, by name; it has its name, variables and startup commands", out)
out = inside("net.c", "hostname; cat /tmp/seen /etc/deep/below/file.conf; ls /shared; ping -q -c 2 -i 0.2 -W 10 b | tail -1")
ok(out.startswith("sea\na line\na line\nfrom-host\n"), "a file is copied before the command begins, a folder is shared", out)
rtt = float(out.rsplit("/", 3)[1])
ok(rtt > 59, "its cable has a delay of 30 ms each way", out)
same(states(folder), {m: "running" for m in ("a", "b", "c", "router")}, "status of the folder")
same(status("net")["networks"][0]["state"], "running", "status by the lab's name")
order = [line.split()[1] for line in p.stderr.splitlines() if " is up (" in line]
ok(order.index("net.router") < order.index("net.a"), "a has waited for the router to be healthy", p.stderr)
dot = ring3("status", "--dot", "net").stdout
ok(dot.startswith('graph "net" {') and '"b" -- "net left" [label="eth0\\n10.1.0.77/24"];' in dot, "status --dot is a picture", dot)


def boots():
    return {g: inside(g, "cat /proc/sys/kernel/random/boot_id") for g in guests()}


before = boots()
p = ring3("up", folder)
ok(p.returncode == 0 and "run already" in p.stderr, "a second up says that all runs", p.stderr)
same(boots(), before, "and leaves it alone")

changed = LAB.replace("10.1.0.77", "10.1.0.78").replace("  c:\n", "  d: {<<: *small, networks: [left]}\n  c2:\n").replace("c && ", "")
write(folder + "/ring3.yaml", changed)
p = ring3("up", folder)
ok(p.returncode == 0 and "2 ran already" in p.stderr, "with another address, one new machine and one renamed", p.stderr)
after = boots()
same(sorted(after), ["net.a", "net.b", "net.c2", "net.d", "net.router"], "the new ones run, the one that is gone does not")
# Who knows the others by name has new names to know.
ok(after["net.b"] != before["net.b"], "b was started anew")


write(folder + "/ring3.yaml", changed.replace("right: {subnet", "right: {mtu: 1400, subnet"))
p = ring3("up", folder)
last, after = after, boots()
ok(p.returncode == 0 and all((after[f"net.{m}"] == last[f"net.{m}"]) == (m in "abd") for m in ("a", "b", "c2", "d", "router")),
   "a network that is changed is made anew, with those that are on it", p.stderr)
ring3("net", "rm", "net.right")
p = ring3("up", folder)
last, after = after, boots()
ok(p.returncode == 0 and sorted(g for g in after if after[g] == last[g]) == ["net.a", "net.b", "net.d"],
   "so is one that somebody has removed", p.stderr)

other = lab("other", "services: {a: {mem: 128M, networks: []}}\n")
p = ring3("up", other)
ok(p.returncode == 0, "another lab with a machine of the same name", p.stderr)
ok("other.a" in guests() and "net.a" in guests(), "both live side by side", guests())
p = ring3("up", "--name", "net", other)
ok(p.returncode == 125 and "a lab called net is there already" in p.stderr, "a name that is taken is refused", p.stderr)
p = ring3("up", "--quiet", "--name", "more", other)
ok(p.returncode == 0 and not p.stderr and "more.a" in guests(), "the same file once more by another name", p.stderr)
ok(inside("other.a", "ls /sys/class/net") == "lo\n", "networks: [] is a machine without a card")

p = ring3("down", "net")
ok(p.returncode == 0, "down by name", p.stderr)
same(guests(), ["more.a", "other.a"], "the others stay")
p = ring3("down", "--name", "more")
q = ring3("down", other)
ok(p.returncode == 0 and q.returncode == 0, "down by --name, and by folder", p.stderr, q.stderr)
same(left(), [], "nothing is left")

folder = lab("web", """
services:
  server:
    mem: 192M
    ports: ["0:80"]
    command: python3 -m http.server -d /srv 80
    startup: echo "$NAME says hello" > /srv/index.html
    healthcheck:
      test: python3 -c "import socket; socket.create_connection(('127.0.0.1', 80))"
      interval: 100ms
      retries: 200
    environment: [NAME]
  client:
    mem: 192M
    depends_on: {server: {condition: service_healthy}}
    startup: python3 -c "import urllib.request as u; print(u.urlopen('http://server/', timeout=20).read())"
""".replace("$NAME", "$$NAME"))
p = subprocess.run([RING3, "up", folder], env={**os.environ, "NAME": "the server"}, stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=110)
ok(p.returncode == 0, "a server with a published port, and a client that waits for it", p.stderr)
info = {m["name"]: m["guest_info"] for m in status("web")["machines"]}
port = next(p["host"] for card in info["server"]["network"] for p in card.get("publish", []) if p.get("proto", "tcp") == "tcp")
try:
    said = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/", timeout=20).read()
except OSError as e:
    said = str(e)
same(said, b"the server says hello\n", "the host reaches the port")
out = inside("web.client", "ip route show default; cat /etc/resolv.conf")
ok("via 10.88.0.2" in out and "nameserver 10.88.0.3" in out, "the default network has a way out", out)
same(ring3("down", "web").returncode, 0, "down")

folder = lab("clab", """
name: links
topology:
  defaults: {kind: linux, memory: 128M}
  nodes:
    r1: {network-mode: none, exec: [ip address add 10.9.0.1/24 dev eth0]}
    r2: {exec: [ip address add 10.9.0.2/24 dev eth1, "ping -c 1 -W 10 10.9.0.1"]}
  links:
    - endpoints: ["r1:eth0", "r2:eth1"]
""", "x.clab.yml")
p = ring3("up", folder + "/x.clab.yml")
# r2 may be there before r1 is.
if p.returncode == 1:
    p = ring3("up", folder + "/x.clab.yml")
ok(p.returncode == 0, "a containerlab topology: two nodes and a link", p.stderr)
same(ring3("status").stdout.splitlines()[1].split(), ["links.r1", "running", "r1-r2"], "status shows it")
same(ring3("down", "links").returncode, 0, "down")
same(left(), [], "nothing is left")
done()
