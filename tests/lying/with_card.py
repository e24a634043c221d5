#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: with_card.py RING3 run OPTION...

A guest with a network card. Its other side sends small frames without end, and takes and forgets those of the guest.
"""
import os
import socket
import subprocess
import sys
import threading

FRAME = bytes(12) + b"\xff" * 6 + b"\x02other\x88\xb5" + bytes(28)

host, guest = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.set_inheritable(guest.fileno(), True)
proc = subprocess.Popen([*sys.argv[1:3], "--net", f"fd:{guest.fileno()},offload=on", *sys.argv[3:]], close_fds=False)
guest.close()


def send():
    try:
        while True:
            host.send(FRAME)
    except OSError:
        pass


def take():
    try:
        while host.recv(1 << 17):
            pass
    except OSError:
        pass


for work in send, take:
    threading.Thread(target=work, daemon=True).start()
sys.exit(proc.wait())
