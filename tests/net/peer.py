# SPDX-License-Identifier: GPL-2.0-or-later
"""The other side of a network card's descriptor: answers ARP and ping as a host with every address."""
import os
import select
import socket
import struct
import threading

HDR = 12            # struct virtio_net_hdr_v1
MAC = bytes.fromhex("02aabbccddee")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def answer(frame):
    """The frame that a host would answer with, or None."""
    dst, src, kind = frame[:6], frame[6:12], frame[12:14]
    if kind == b"\x08\x06" and frame[20:22] == b"\0\1":
        sha, spa, tpa = frame[22:28], frame[28:32], frame[38:42]
        return src + MAC + kind + frame[14:20] + b"\0\2" + MAC + tpa + sha + spa
    if kind == b"\x08\0" and frame[23] == 1 and frame[14] == 0x45 and frame[34] == 8:
        total = struct.unpack("!H", frame[16:18])[0]
        ip, icmp = bytearray(frame[14:34]), bytearray(frame[34:14 + total])
        ip[12:16], ip[16:20] = ip[16:20], ip[12:16]
        icmp[0:4] = bytes(4)
        icmp[2:4] = struct.pack("!H", checksum(bytes(icmp)))
        return src + dst + kind + bytes(ip) + bytes(icmp)
    return None


class Peer(threading.Thread):
    """Serves one end of a socket pair; the other is for the guest. Keeps what it has seen."""

    def __init__(self, stream=False):
        super().__init__(daemon=True)
        self.stream = stream
        kind = socket.SOCK_STREAM if stream else socket.SOCK_SEQPACKET
        self.sock, self.guest = socket.socketpair(socket.AF_UNIX, kind)
        self.seen, self.headers = [], []
        self.ending, self.told = os.pipe()
        self.start()

    def fd(self):
        return self.guest.fileno()

    def receive(self):
        """Header and frame; None at the end."""
        if not self.stream:
            data = self.sock.recv(1 << 17)
            return (data[:HDR], data[HDR:]) if data else None
        length = self.sock.recv(4, socket.MSG_WAITALL)
        if len(length) < 4:
            return None
        return b"", self.sock.recv(struct.unpack("!I", length)[0], socket.MSG_WAITALL)

    def send(self, frame, header=bytes(HDR)):
        if self.stream:
            self.sock.sendall(struct.pack("!I", len(frame)) + frame)
        else:
            self.sock.send(header + frame)

    def run(self):
        while True:
            ready, _, _ = select.select([self.sock, self.ending], [], [])
            if self.ending in ready:
                break
            got = self.receive()
            if not got:
                break
            self.headers.append(got[0])
            self.seen.append(got[1])
            reply = answer(got[1])
            if reply:
                self.send(reply)
        self.sock.close()

    def close(self):
        """As a back end that dies."""
        os.write(self.told, b"x")
        self.join(10)
