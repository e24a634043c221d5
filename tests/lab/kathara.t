#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 200
# A Kathara lab's folder as it is: startup files, folders of devices, the shared folder,
# lab.dep; collision domains, MAC addresses, a bridged device, sysctls, shutdown files.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lablib import *  # noqa: F403

source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kathara-lab_small")
folder = os.path.join(HOME, "kathara-lab_small")
shutil.copytree(source, folder)
os.mkdir(folder + "/shared")

p = ring3("up", "--dry-run", folder)
ok(p.returncode == 125 and "--image kathara/frr=ROOT" in p.stderr, "an image's name needs a root", p.stderr)
root = os.environ["RING3_ROOT"]
p = ring3("up", "--dry-run", "--image", f"kathara/base={root}", "--image", f"kathara/frr={root}", folder)
ok(p.returncode == 0 and p.stdout.count("ring3 run") == 3 and not left(), "or one root for each; --dry-run starts nothing", p.stderr)

p = ring3("up", "--root", root, folder)
ok(p.returncode == 0, "up", p.stderr)
same(guests(), ["small.pc1", "small.pc2", "small.r"], "the lab's name is its folder's")
out = inside("small.pc1", "hostname; ip -br link show eth0; ping -q -c 1 -W 10 10.2.0.2 > /dev/null && echo reached; cat /etc/motd.lab; cat /tmp/order; echo $0")
ok("pc1\n" in out and "02:42:ac:11:00:11" in out and "reached\nof pc1's folder\nshared\npc1\nexec of pc1\n" in out,
   "pc1 has its name, its MAC address, its files; its startup files have run in order", out)
out = inside("small.r", "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/tcp_retries2 /proc/sys/net/ipv6/conf/all/disable_ipv6; ls /sys/class/net; nproc; cat /tmp/service")
ok("1\n7\n1\n" in out and "eth0\neth1\neth2\n" in out and "service start\n" in out,
   "r routes, has its sysctl and its service; its third card is the bridge to the world", out)
ok(inside("small.pc2", "cat /proc/sys/net/ipv6/conf/all/disable_ipv6").strip() == "0", "pc2 has IPv6, as it says")
with open(folder + "/shared/pc1") as f:
    same(f.read(), "pc1 was here\n", "the shared folder is the host's")
order = [line.split()[1] for line in p.stderr.splitlines() if " is up (" in line]
same(order[0], "small.r", "lab.dep: the router was first")

write(folder + "/pc1/etc/motd.lab", "of pc1's folder, once more\n")
p = ring3("up", "--root", root, folder)
ok(p.returncode == 0 and "2 ran already" in p.stderr, "a file in a device's folder is changed: that device is started anew", p.stderr)
same(inside("small.pc1", "cat /etc/motd.lab"), "of pc1's folder, once more\n", "with it")

p = ring3("down", folder)
ok(p.returncode == 0, "down", p.stderr)
with open(folder + "/shared/pc1") as f:
    said = f.read().split("\n")
ok(said.count("and left") == 1 and said.count("and so did all") == 3, "shutdown files have run: its own, and the shared one on each", said)
same(left(), [], "nothing is left")
done()
