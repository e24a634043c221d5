#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
# The guest's side of the network: what is set up when its first command runs.
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import *

FIRST = ["--name", "first"]
SHOW = "ip -o addr show dev eth0; ip route; ip -6 route show default; ip -o link show eth0; ip -o addr show lo; cat /etc/resolv.conf"

for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
    del os.environ[name]

out, err, status = guest_sh(SHOW + "; hostname; getent hosts first; ls -l /etc/resolv.conf", *FIRST)
same((status, err), (0, ""), "a guest without --net starts in silence")
for what, want in (("an IPv4 address", r"inet 10\.0\.2\.15/24 "), ("an IPv6 address", r"inet6 fd[0-9a-f:]*::15/64 scope global nodad"),
                   ("an IPv4 default route", r"default via 10\.0\.2\.2 dev eth0"),
                   ("an IPv6 default route", r"default via fd[0-9a-f:]*::2 dev eth0"),
                   ("a link that is up", r"eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 16000"),
                   ("loopback", r"lo\s+inet 127\.0\.0\.1/8"), ("a name server", r"nameserver 10\.0\.2\.3"),
                   ("its name", r"(?m)^first$"), ("an address for its name", r"127\.0\.1\.1\s+first")):
    ok(re.search(want, out), f"when its command starts there is {what}", out)
ok("tentative" not in out, "no address is still being tried", out)

out, err, status = guest_sh("ip -o link; cat /etc/resolv.conf", "--net", "none")
ok(status == 0 and "eth0" not in out and "nameserver" not in out and not err, "--net none: no card, nothing set up", out, err)

out, err, status = guest_sh("ip -o link show eth0; ip -o link show eth1; ip route; ip -o addr show eth1", "--net",
                            "nat,mac=52:54:00:12:34:56,mtu=1400", "--net", "nat")
ok("52:54:00:12:34:56" in out and "mtu 1400" in out, "mac= and mtu= are the card's", out, err)
ok("inet 10.0.3.15/24" in out and out.count("default via 10.0.2.2 dev eth0") == 1, "two cards: each has its network, the first leads on", out, err)
out2 = guest_sh("cat /sys/class/net/eth0/address", *FIRST)[0]
out3 = guest_sh("cat /sys/class/net/eth0/address", *FIRST)[0]
out4 = guest_sh("cat /sys/class/net/eth0/address")[0]
ok(out2 == out3 != out4 and int(out2[:2], 16) & 3 == 2 and int(out4[:2], 16) & 3 == 2,
   "a guest with a name has the same address each time", out2, out3, out4)

out, err, status = guest_sh(SHOW, "--net", "nat,ip=10.77.8.15/24,ip=fd12:3456::15/64")
ok("inet 10.77.8.15/24" in out and "inet6 fd12:3456::15/64" in out and "via 10.77.8.2" in out and "nameserver 10.77.8.3" in out,
   "ip= chooses the network behind the NAT", out, err)

a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.set_inheritable(b.fileno(), True)
out, err, status = guest_sh(SHOW, "--net", f"fd:{b.fileno()},ip=192.168.7.2/24,ip=2001:db8:7::2/64,gw=192.168.7.1,gw=2001:db8:7::1,dns=192.168.7.53,mtu=1500",
                            pass_fds=[b.fileno()])
ok(all(t in out for t in ("inet 192.168.7.2/24", "inet6 2001:db8:7::2/64", "default via 192.168.7.1", "default via 2001:db8:7::1",
                          "nameserver 192.168.7.53", "mtu 1500")), "ip=, gw= and dns= set up any card", out, err)
a.close()
b.close()

# ---- systemd ----

g = Guest("--name", "sysd", "--init", "/sbin/init")


def inside(text):
    return run("exec", "sysd", *sh(text), timeout=60).stdout.decode(errors="replace")


ok(wait_until(lambda: run("exec", "sysd", "--", "true").returncode == 0, 60), "systemd starts", g.text[-2000:])
state = wait_until(lambda: next((s for s in (inside("systemctl is-system-running").strip(),) if s in ("running", "degraded")), None), 60)
out = inside("hostname; " + SHOW)
ok(all(re.search(t, out) for t in (r"(?m)^sysd$", r"inet 10\.0\.2\.15/24", r"inet6 fd[0-9a-f:]*::15/64", r"default via 10\.0\.2\.2", r"nameserver 10\.0\.2\.3")),
   f"under systemd, which is {state}, the network and the host name are there", out)
out = inside("systemctl start systemd-networkd && for i in $(seq 100); do networkctl list eth0 --no-legend | grep -q configured && break; sleep 0.1; done; "
             "networkctl list eth0 --no-legend; " + SHOW)
ok(all(re.search(t, out) for t in (r"eth0\s+ether\s+routable\s+configured", r"inet 10\.0\.2\.15/24", r"inet6 fd[0-9a-f:]*::15/64", r"default via 10\.0\.2\.2")),
   "networkd, if the root starts it, finds a card that is configured and leaves it so", out)
g.close()

# ---- files of a root that is not thrown away ----

root = os.path.join(TMP, "root.img")
subprocess.run(["cp", "--sparse=always", "--reflink=auto", os.environ["RING3_ROOT"], root], check=True)
os.chmod(root, 0o600)
out, err, status = guest_sh("cat /etc/resolv.conf; grep -c kept /etc/hosts", "--root", root, "--root-rw", "--name", "kept")
same(out, "# The name servers of ring3's network.\nnameserver 10.0.2.3\n0\n", "a kept root that names no server is given one, and no host name")
out = guest_sh("cat /etc/resolv.conf; echo nameserver 192.0.2.53 > /etc/resolv.conf", "--root", root, "--root-rw",
               "--net", "nat,ip=10.77.8.15/24")[0]
ok("nameserver 10.77.8.3" in out, "what ring3 wrote there it writes again", out)
out = guest_sh("cat /etc/resolv.conf", "--root", root, "--root-rw")[0]
same(out, "nameserver 192.0.2.53\n", "a kept root's own servers stay")
out = guest_sh("cat /etc/resolv.conf", "--root", root)[0]
same(out, "# The name servers of ring3's network.\nnameserver 10.0.2.3\n", "on a layer that is thrown away they are ring3's")
out, err, status = guest_sh("cat /etc/resolv.conf; getent hosts readonly; touch /etc/x", "--root", root, "--root-ro", "--name", "readonly")
ok("nameserver 10.0.2.3" in out and "127.0.1.1" in out and "Read-only" in err, "and over those of a read-only root", out, err)
out = guest_sh("cat /etc/resolv.conf", "--root", root, "--root-ro", "--net", "none")[0]
same(out, "nameserver 192.0.2.53\n", "whose own file is as it was")
guest_sh("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf", "--root", root, "--root-rw", "--net", "none")
out = guest_sh("cat /etc/resolv.conf; readlink /etc/resolv.conf", "--root", root)[0]
ok("nameserver 10.0.2.3" in out and "stub-resolv.conf" in out, "a link to a service's file leads to one of ours", out)
os.unlink(root)

# ---- proxies ----

env = dict(os.environ, http_proxy="http://u:p@192.0.2.9:3128", HTTPS_PROXY="http://192.0.2.9:3129", no_proxy="localhost,.test")
out, err, status = guest_sh('echo "$http_proxy $HTTPS_PROXY $no_proxy"', env=env)
same((out, err), ("http://u:p@192.0.2.9:3128 http://192.0.2.9:3129 localhost,.test\n", ""), "proxies of the host's environment carry over")
out = guest_sh('echo "$http_proxy"', "--env", "http_proxy=http://mine", env=env)[0]
same(out, "http://mine\n", "--env wins")
out = guest_sh('echo "[$http_proxy]"', "--net", "none", env=env)[0]
same(out, "[]\n", "none without a NAT")
env = dict(os.environ, http_proxy="http://u:secret@127.0.0.1:3128", https_proxy="http://localhost:3128")
out, err, status = guest_sh('echo "[$http_proxy$https_proxy]"', env=env)
ok(out == "[]\n" and err.count("ring3: ") == 1 and "127.0.0.1" in err and "nat,host" in err and "secret" not in err,
   "one that is this host's loopback is not passed on, which is said once", out, err)
out, err, status = guest_sh('echo "$http_proxy $https_proxy"', "--net", "nat,host", env=env)
same((out, err), ("http://u:secret@10.0.2.2:3128 http://10.0.2.2:3128\n", ""), "with nat,host it is named as the guest reaches it")
g = Guest("--name", "proxied", "--", "sh", "-c", "echo up; read x", env=dict(os.environ, http_proxy="http://192.0.2.9:3128"))
g.expect("up\n")
same(run("exec", "proxied", *sh('echo "$http_proxy"')).stdout, b"http://192.0.2.9:3128\n", "and ring3 exec has the guest's")
same(run("exec", "-e", "http_proxy=x", "proxied", *sh('echo "$http_proxy"')).stdout, b"x\n", "but for what it says itself")
g.type("\n")
same(g.wait(), 0, "the guest ends")
if shutil.which("apt-config"):
    want = [line for line in call("apt-config", "dump").splitlines()
            if re.match(r'(?i)Acquire::((http|https)::(Proxy|Timeout)|Retries|Check-(Valid-Until|Date))\b', line)
            and "127.0.0.1" not in line and "localhost" not in line and not line.endswith('"";')]
    out = guest_sh("apt-config dump")[0].splitlines()
    same([line for line in want if line not in out], [], f"apt's settings carry over ({len(want)})")
else:
    skip("apt's settings carry over", "host: no apt")
done()
