#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# Machines in `ring3 web`: what is told of them, terminals, buttons; guests and pages that are hostile or slow.
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "machines"))
from weblib import *
from machineslib import *

if not have_server():
    skip_all("host: libwebsockets-dev is not installed, so there is no ring3-web")


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return f.read().split()


s = Server(FAKE)
same(s.state()["machines"], {}, "no machines")
start("a", command=["sleep", "1000"])
NASTY = "<img src=x onerror=alert(1)>\x1b]0;x\x07\x1b[2J\u202e\"'&\\"
start("nasty", command=["sh", "-c", "exec sleep 1000", NASTY, "y" * 3000])
r = run("create", "--name", "kept")
m = s.state()["machines"]
same(sorted(m), ["a", "kept", "nasty"], "those that run, and those that are kept")
same((m["a"]["state"], m["a"]["cpus"], m["a"]["command"], m["a"]["kept"], m["a"]["startable"]), ("running", 1, ["sleep", "1000"], True, True), "what is known of one")
same((m["kept"]["state"], m["kept"]["startable"]), ("not running", True), "of one that does not run")
raw = s.ask("state.json")[2]
ok(all(32 <= b < 127 for b in raw), "all in ASCII, without controls", raw[:200])
same(m["nasty"]["command"][3], NASTY, "awkward words are as they were")
same(len(m["nasty"]["command"][4]), 256, "long ones are cut")

# A terminal.
t = Term(s, "shell", "a", cols=91, rows=33)
t.type("stty size; echo $((6 * 7))x\n")
ok(t.expect("33 91") and t.expect("42x"), "a shell in the guest, on a terminal of the page's size", t.text)
t.send(json.dumps({"cols": 100, "rows": 40}))
ok(wait_until(lambda: (t.type("stty size\n"), t.expect("40 100", 2))[1], 10), "another size", t.text)
t.type("echo a\u00e4\u20ac; cat | wc -c\n")
ok(t.expect("a\u00e4\u20ac"), "UTF-8 passes")
t.type(("z" * 1000 + "\n") * 60)
t.type("\x04")
ok(t.expect("60060"), "sixty thousand bytes that are typed arrive", t.text[-200:])
t.type("exit 7\n")
same(t.exit(), 7, "the exit status")
t = Term(s, "shell", "nobody")
ok(t.expect("no guest called nobody is running") and t.exit() == 125, "a guest that is not there is a sentence", t.text)
for kind, name, why in (("shell", "-x", "not the name"), ("shell", "..%2fa", "not the name"), ("x", "a", "no such kind"), ("shell", "", "not the name"),
                        ("shell", "a" * 200, "not the name")):
    t = Term(s, kind, name)
    ok(t.expect(why), f"{kind} of {name[:20]!r}: {why}", t.text)
    t.close()

# A page that does not show what it gets holds up its own command, and nothing else.
t = Term(s, "shell", "a")
t.type("yes 0123456789abcdef | head -c 20000000; echo DO''NE\n")
got = 0
end = time.monotonic() + 30
t.sock.settimeout(2)
while time.monotonic() < end:
    try:
        got += len((t.receive() or (2, b""))[1])
    except TimeoutError:
        # Silent for two seconds, and not because the host is busy.
        if got > 100000:
            break
ok(100000 < got < 400000, "without an acknowledgement it gets so much and no more", got)
with open(f"/proc/{s.proc.pid}/status") as f:
    rss = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
ok(rss < 60000, "and the server keeps none of the rest", rss)
u = Term(s, "shell", "a")
u.type("echo $((1 + 1))y\n")
ok(u.expect("2y"), "another terminal works meanwhile")
u.close()
t.send(json.dumps({"ack": got}))
t.text = b""
t.sock.settimeout(20)
ok(t.expect("DONE", 60), "with acknowledgements it goes on to the end", t.text[-100:])
before = len(children(s.proc.pid))
t.close()
ok(wait_until(lambda: len(children(s.proc.pid)) < before, 15), "a page that goes takes its command along", children(s.proc.pid))
for text in ("x", "[", '{"ack": -1}' * 50, "y" * 300):
    t = Term(s, "shell", "a")
    t.send(text)
    t.sock.settimeout(10)
    while (x := t.receive()) is not None:
        pass
    ok(True, f"text that is none of the protocol's is hung up on: {text[:12]}")

# Its log, its console.
t = Term(s, "log", "a")
ok(t.expect("fake kernel"), "the log")
t.close()
t = Term(s, "console", "a")
ok(t.expect("fake kernel"), "the console, with what it wrote before")
t.close()

# Buttons.
l = Live(s)
same(l.ask(op="stop", machine="a"), {"id": 1, "ok": True}, "stop")
m = l.state(lambda m: m["state"]["machines"]["a"]["state"] == "ended")
ok(m, "is seen")
ok("no guest called a is running" in l.ask(op="stop", machine="a").get("error", ""), "a second time it fails in words")
same(l.ask(op="start", machine="a"), {"id": 3, "ok": True}, "start")
m = l.state(lambda m: m["state"]["machines"]["a"]["state"] == "running")
pid = m["state"]["machines"]["a"]["pid"]
same(l.ask(op="restart", machine="a")["ok"], True, "restart")
ok(l.state(lambda m: m["state"]["machines"]["a"].get("pid", pid) != pid), "is another process")
same(l.ask(op="end", machine="a").get("ok"), True, "end at once")

# A guest whose `ring3 run` is stopped.
start("b")
pid = info("b")["pid"]
os.kill(pid, signal.SIGSTOP)
m = l.state(lambda m: m["state"]["machines"].get("b", {}).get("state") == "silent")
ok(m and m["state"]["machines"]["nasty"]["state"] == "running", "is silent, and holds up no other", m)
l.message()
at = time.monotonic()
for _ in range(3):
    l.message()
ok(time.monotonic() - at < 15, "messages go on each second", time.monotonic() - at)
os.kill(pid, signal.SIGCONT)
ok(l.state(lambda m: m["state"]["machines"]["b"]["state"] == "running", 30), "it is back when it is continued")

# A page that does not read.
deaf = Live(s)
deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
at = time.monotonic()
same(len([l.message() for _ in range(3)]), 3, "a page that does not read keeps no other waiting")
deaf.close()

# The end of all.
t = Term(s, "shell", "b")
t.type("echo r''eady\n")
t.expect("ready")
pids = children(s.proc.pid)
same(s.end(), 0, "SIGTERM")
ok(wait_until(lambda: not [p for p in pids if lives(p)], 10), "leaves no process", pids)
ok(info("b") and info("nasty"), "guests go on")
same([f for f in os.listdir(TMP) if f.startswith("ring3-web")], [], "and no file")
for name in ("b", "nasty"):
    run("kill", name)
done()
