#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# A guest's network card on one end of a socket pair, as a user's program would have it.
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot"), HERE]
from host import *
from peer import *

SETUP = "ip link set eth0 up && ip addr add 10.9.0.2/24 dev eth0; "


def with_card(peer, options, command, *more):
    return guest("--net", f"fd:{peer.fd()}{options}", *more, *sh(SETUP + command), pass_fds=[peer.fd()])


for stream in False, True:
    what = "a stream" if stream else "packets"
    peer = Peer(stream)
    r = with_card(peer, ",mac=02:12:34:56:78:9a,mtu=9000",
                  "cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu; ping -q -c 3 -i 0.2 10.9.0.1 && "
                  "ping -q -c 3 -i 0.2 -M do -s 8972 10.9.0.1; ip link set eth0 mtu 9001 || echo no more")
    out = r.stdout.decode()
    same(out.split()[:2], ["02:12:34:56:78:9a", "9000"], f"{what}: the guest has the address and the MTU it is given")
    same(out.count("3 received"), 2, f"{what}: it pings, also with the largest frames")
    ok("no more" in out, f"{what}: and cannot have larger ones", out)
    ok(any(len(frame) == 9014 for frame in peer.seen), f"{what}: they were one frame each")
    ok(all(frame[6:12] == bytes.fromhex("02123456789a") for frame in peer.seen), f"{what}: all from its address")
    if not stream:
        same(set(peer.headers), {bytes(HDR)}, "without offloads the other side is asked for nothing")
    peer.close()

# Offloads: a frame that asks for its checksum, larger than any on a cable.
peer = Peer()
r = with_card(peer, ",offload=on", "ip neigh add 10.9.0.1 lladdr 02:aa:bb:cc:dd:ee dev eth0; "
              "dd if=/dev/zero bs=1000 count=1 2> /dev/null | bash -c 'cat > /dev/udp/10.9.0.1/9'; "
              "timeout 3 bash -c 'head -c 300000 /dev/zero > /dev/tcp/10.9.0.1/80'; true")
udp = [(h, f) for h, f in zip(peer.headers, peer.seen) if f[12:14] == b"\x08\0" and f[23] == 17]
ok(any(h[0] == 1 and h[6:8] == b"\x22\0" and h[8:10] == b"\6\0" for h, f in udp), "with offloads checksums are left to the other side",
   r.stdout, r.stderr, udp)
peer.close()

# The other side dies. The guest goes on, and ring3 says it once.
peer = Peer()
g = Guest("--net", f"fd:{peer.fd()}", *sh(SETUP + "ping -q -c 1 10.9.0.1; echo up $(cat /sys/class/net/eth0/carrier); "
          "while [ $(cat /sys/class/net/eth0/carrier) = 1 ]; do sleep 0.05; done; echo down; "
          "ping -c 1 -W 1 10.9.0.1; ip link show eth0; echo goes on"), pass_fds=[peer.fd()])
peer.guest.close()
ok(g.expect("up 1"), "a guest's link is up", g.text)
peer.close()
ok(g.expect("down"), "the other side goes: the link is down", g.text)
same(g.wait(), 0, "and the guest goes on")
ok(b"NO-CARRIER" in g.text and b"goes on" in g.text, "as one whose cable is pulled", g.text)
same(len(re.findall(rb"ring3: network card 0.*link is down", g.text)), 1, "ring3 says it once")
g.close()

# More than a guest takes, of frames that are for nobody: the other side has to wait, and then all goes on.
peer = Peer()
g = Guest("--net", f"fd:{peer.fd()}", *sh(SETUP + "echo up; read x; ping -q -c 2 -i 0.2 -W 10 10.9.0.1; "
          "cat /sys/class/net/eth0/statistics/rx_packets"), pass_fds=[peer.fd()])
if ok(g.expect("up"), "a guest that is to be flooded", g.text):
    for i in range(20000):
        peer.send(b"\xff" * 6 + b"\2" * 6 + b"\x88\xb5" + bytes(14 + i % 1400))
    g.type("go\n")
    same(g.wait(), 0, "it ends")
    ok(b"2 received" in g.text, "after 20,000 frames it pings", g.text)
    ok(int(g.text.split()[-1]) >= 20000, "none of them was lost", g.text)
g.close()
peer.close()

# Two cards, each with its own other side.
one, two = Peer(), Peer(stream=True)
r = guest("--net", f"fd:{one.fd()},mac=02:00:00:00:00:01", "--net", f"fd:{two.fd()},mac=02:00:00:00:00:02",
          *sh("cat /sys/class/net/eth*/address"), pass_fds=[one.fd(), two.fd()])
same(r.stdout.split(), [b"02:00:00:00:00:01", b"02:00:00:00:00:02"], "two cards, in the order of the options")

# ---- as much as can be said ----

pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(8)]
cards = []
for i, (a, _) in enumerate(pairs):
    prefix = f"fd{i:02x}:1111:2222:3333:4444:5555:6666"
    words = [f"ip={prefix}:777{k}/128" for k in range(4)] + [f"gw={prefix}:888{k}" for k in range(2)]
    cards += ["--net", ",".join([f"fd:{a.fileno()}", *words])]
r = run("run", "--timeout", "60", *cards, *sh("ip -6 addr | grep -c :7773; exit 5"), pass_fds=[a.fileno() for a, _ in pairs])
same((r.returncode, r.stdout), (5, b"8\n"), "eight cards with four long addresses each")
done()
