# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines in the background: with the agent as a host process for a guest (tests/agent/harness.py)."""
import json
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "agent"))
from harness import *

RUN = os.path.join(os.environ["XDG_RUNTIME_DIR"], "ring3")
MACHINES = os.path.join(os.environ["XDG_DATA_HOME"], "ring3/machines")


def start(name, *options, command=()):
    """`ring3 run -d`; fails the test if it does not start."""
    r = run("run", "--detach", "--name", name, *options, *(["--", *command] if command else []))
    if r.returncode or r.stdout.decode().strip() != name:
        ok(False, f"{name} starts", r.returncode, r.stdout, r.stderr)
    return r


def info(name):
    for line in run("ps", "--json").stdout.decode().splitlines():
        guest = json.loads(line)
        if guest["name"] == name:
            return guest
    return None


def open_files(name):
    return len(os.listdir(f"/proc/{info(name)['pid']}/fd"))


class Client:
    """The guest's control socket, raw."""

    def __init__(self, name):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        # A path may be too long for an address.
        fd = os.open(RUN, os.O_PATH)
        self.sock.connect(f"/proc/self/fd/{fd}/{name}.sock")
        os.close(fd)
        self.file = self.sock.makefile("rb")

    def send(self, **request):
        self.sock.sendall(json.dumps(request).encode() + b"\n")

    def receive(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, **request):
        self.send(**request)
        return self.receive()

    def close(self):
        self.file.close()
        self.sock.close()
