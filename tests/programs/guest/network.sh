# SPDX-License-Identifier: GPL-2.0-or-later
ip link set lo up
routed()
{
	ip netns add a && ip netns add b && ip link add br0 type bridge && ip addr add 10.1.0.1/24 dev br0 && ip link set br0 up || return
	for x in a b; do
		ip link add v$x type veth peer name eth0 netns $x && ip link set v$x master br0 up &&
			ip -n $x link set lo up && ip -n $x link set eth0 up || return
	done
	ip -n a addr add 10.1.0.2/24 dev eth0 && ip -n b addr add 10.1.0.3/24 dev eth0 || return
	ip netns exec a ping -c 3 -i 0.2 -W 5 10.1.0.3 && ip netns exec b ping -c 1 -W 5 10.1.0.1 && bridge link | grep -q 'master br0'
}
t "two network namespaces ping through veth and a bridge" routed

nat()
{
	ip netns add out && ip link add vo type veth peer name eth0 netns out && ip addr add 192.0.2.1/24 dev vo && ip link set vo up &&
		ip -n out addr add 192.0.2.2/24 dev eth0 && ip -n out link set eth0 up && ip -n out link set lo up &&
		ip -n a route add default via 10.1.0.1 && echo 1 > /proc/sys/net/ipv4/ip_forward || return
	nft -f - <<-N || return
	table inet t {
		chain post { type nat hook postrouting priority srcnat; oifname "vo" counter masquerade; }
		chain pre { type nat hook prerouting priority dstnat; tcp dport 8088 dnat ip to 10.1.0.3:80; }
		chain through { type filter hook forward priority 0; icmp type echo-request counter accept; }
	}
	N
	# Without the rule there is no way back: "out" has no route to 10.1.0.0.
	ip netns exec a ping -c 2 -i 0.2 -W 5 192.0.2.2 && nft list ruleset | grep -q 'counter packets [1-9].*masquerade' || return
	mkdir -p w && echo through > w/x
	ip netns exec b python3 -m http.server -d w 80 & local pid=$!
	ip -n b route add default via 10.1.0.1
	wait_for ip netns exec b curl -s http://127.0.0.1/x
	[ "$(ip netns exec out curl -s -m 20 http://192.0.2.1:8088/x)" = through ]
	local rc=$?
	kill $pid
	return $rc
}
t "nftables: masquerade and port forwarding" nat

dropped()
{
	nft add rule inet t through ip daddr 192.0.2.2 icmp type echo-reply drop && nft insert rule inet t through ip daddr 192.0.2.2 drop || return
	! ip netns exec a ping -c 1 -W 1 192.0.2.2
}
t "nftables: a drop rule drops" dropped

iptables_legacy()
{
	ip netns exec a iptables-legacy -A OUTPUT -d 10.1.0.3 -m state --state NEW -j REJECT && ! ip netns exec a ping -c 1 -W 2 10.1.0.3 &&
		ip netns exec a iptables-legacy -F && ip netns exec a ping -c 1 -W 5 10.1.0.3
}
t "iptables' older interface: conntrack state, REJECT" iptables_legacy

# A tunnel of two ends with keys made here: genetlink by hand, as the root has no wg.
wg_link()
{
	ip link add wg0 type wireguard && ip addr add 10.9.0.1/24 dev wg0 && ip link set wg0 up && ip -d link show wg0 | grep -q wireguard && ip link del wg0
}
t "a wireguard interface comes up" wg_link

others()
{
	ip link add d0 type dummy && ip link add link d0 name d0.5 type vlan id 5 && ip link add vx0 type vxlan id 7 dstport 4789 local 127.0.0.1 &&
		ip link add mv0 link d0 type macvlan && ip link add vrf1 type vrf table 10 && ip -br link | grep -c '^\(d0\|d0.5@d0\|vx0\|mv0@d0\|vrf1\) ' | grep -qx 5
}
t "dummy, vlan, vxlan, macvlan, vrf" others

cat > tun.py <<'P'
import fcntl, os, struct, subprocess, socket
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"tun0", 0x1001))
subprocess.check_call("ip addr add 10.8.0.1/24 dev tun0 && ip link set tun0 up", shell=True)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.bind(("10.8.0.1", 0))
s.sendto(b"ping", ("10.8.0.2", 7))
while True:
    p = os.read(fd, 2000)
    if p[0] >> 4 == 4 and p[9] == 17 and p[-4:] == b"ping": break
# Send it back: addresses and ports swapped keep the checksums.
os.write(fd, p[:12] + p[16:20] + p[12:16] + p[22:24] + p[20:22] + p[24:])
assert s.recvfrom(100) == (b"ping", ("10.8.0.2", 7))
P
t "a tun device: a packet out and its answer in" python3 tun.py

cat > vs.py <<'P'
import socket, threading
s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
s.bind((socket.VMADDR_CID_ANY, 1234)); s.listen(1)
def serve():
    c, _ = s.accept(); d = c.recv(100); c.sendall(d.upper()); c.close()
t = threading.Thread(target=serve, daemon=True); t.start()
c = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM); c.settimeout(10)
c.connect((1, 1234)); c.sendall(b"vsock"); assert c.recv(100) == b"VSOCK"
P
vsock()
{
	modprobe vsock_loopback && python3 vs.py
}
t "vsock: a connection over its loopback" vsock

shaped()
{
	ip netns exec a tc qdisc add dev eth0 root netem delay 50ms && ip netns exec a ping -c 3 -i 0.2 -W 5 10.1.0.3 > p.out || return
	cat p.out
	awk -F'[/ ]' '/^rtt/ { exit !($8 >= 50 && $8 < 500) }' p.out
}
t "tc netem delays packets" shaped
finish
