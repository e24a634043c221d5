#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# A monitor that lies on its control channel, in each way at once: whoever asks is
# told in one sentence within a bounded time, and `ring3 run` goes on as ever.
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machineslib import *

SIZE = "the guest's monitor sent an answer of the wrong size on its control channel, and is not asked any more"
UNASKED = "the guest's monitor sent an answer that nobody asked for on its control channel, and is not asked any more"
SILENT = "the guest's monitor does not answer; it may be stopped by a debugger or a signal"
LIES = {
    "short": SIZE, "long": SIZE, "size": SIZE, "unasked": UNASKED, "flood": UNASKED, "status": "it failed",
    "fd": "the guest's monitor sent a descriptor on its control channel, and is not asked any more",
    "silent": SILENT, "late": SILENT,
    "gone": "the guest's monitor has closed its control channel", "empty": "the guest's monitor has closed its control channel",
}

start("honest")
c = Client("honest")
same(c.ask(op="ping", id=5), {"ok": True, "id": 5}, "an honest monitor answers")
stats = c.ask(op="stats", id=[1])
ok(stats["ok"] and stats["id"] == [1] and stats["stats"]["name"] == "honest" and stats["stats"]["mem"] == 1 << 30,
   "and tells its statistics", stats)
c.close()

for how in (*LIES, "again"):
    start(how, "--append", f"fake.lie={how}")
clients = {how: Client(how) for how in (*LIES, "again")}
before = {how: open_files(how) for how in clients}
asked = time.monotonic()
for c in clients.values():
    c.send(op="ping")
for how, why in LIES.items():
    same(clients[how].receive(), {"ok": False, "error": why}, f"{how}: {why}")
ok(2.5 < time.monotonic() - asked < 10, "those that do not answer are waited for, not long", time.monotonic() - asked)
same(clients["again"].receive(), {"ok": True}, "again: the first answer counts")
time.sleep(1.5)
same(clients["late"].ask(op="info")["ok"], True, "an answer that comes late does not upset who gave it up")
same(clients["again"].ask(op="ping"), {"ok": False, "error": UNASKED}, "and one that comes twice is seen")
for how, c in clients.items():
    same(c.ask(op="info")["guest"]["state"], "running", f"{how}: the guest goes on")
    c.close()
same(run("exec", "fd", "--", "echo", "yes").stdout, b"yes\n", "commands run in it")
ok(wait_until(lambda: open_files("fd") < before["fd"]), "the descriptor was not kept, and the channel is closed", before["fd"], open_files("fd"))
log = run("logs", "flood").stderr.decode()
same(log.count("is not asked any more"), 1, "one sentence in the log, whatever comes")
for how in (*clients, "honest"):
    same(run("stop", how).returncode, 0, f"{how}: it stops as ever")
done()
