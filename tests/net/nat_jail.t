#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# What is left to a network back end that is under foreign control: sockets of
# the Internet, and nothing else.
import sys
import os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import re
from natlib import *

REPO = os.environ.get("REPO", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
JAIL = os.path.join(BUILD, "tests/net/natjail")
where = tempfile.mkdtemp()
own = os.path.join(where, "own")
write(own, "secret")
path = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
path.bind(os.path.join(where, "sock"))
path.listen()
abstract = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
abstract.bind(f"\0ring3-natjail-{os.getpid()}")
abstract.listen()
tcp_server = socket.create_server(("127.0.0.1", 0))
victim = subprocess.Popen(["sleep", "60"])


def gone(pids):
    """Within five seconds; who has ended may wait for its parent."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        left = 0
        for p in pids:
            try:
                left += open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
            except OSError:
                pass
        if not left:
            return True
        time.sleep(0.05)
    return False


def tries(kind, *before):
    r = subprocess.run([*before, JAIL, kind, str(victim.pid), os.path.join(where, "sock"), f"ring3-natjail-{os.getpid()}",
                        str(tcp_server.getsockname()[1]), own], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if r.returncode:
        print(f"# status {r.returncode}: {r.stderr.strip()}")
    return dict(l.split(": ") for l in r.stdout.splitlines())


t = tries("nat")
ok(len(t) >= 42, f"the NAT process's jail: {len(t)} tries")
for what, result in t.items():
    if what in ("TCP", "UDP"):
        is_(result, "reached", f"{what}: it is its job")
    else:
        ok(result != "reached", f"{what}: {result}")
ok(os.path.exists(own) and not os.path.exists("/tmp/ring3-natjail"), "no file was changed")
is_(victim.poll(), None, "the victim is alive")

rootless = subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "none", "/mnt"], stderr=subprocess.DEVNULL).returncode


def resolver_tries(where, *before):
    t = tries("resolver", *before)
    mine = {"TCP", "UDP", "read /etc/hosts", "netlink", "executable memory"}
    files = t.get("read own file") == "reached"
    ok(len(t) >= 42, f"resolver{where}: {len(t)} tries")
    for what, result in t.items():
        if what in mine:
            is_(result, "reached", f"resolver{where}: {what}: it is its job")
        elif what in ("read own file", "read /proc", "read a home") and files:
            skip(f"resolver{where}: {what}", "host: no Landlock")
        else:
            ok(result != "reached", f"resolver{where}: {what}: {result}")


resolver_tries("")
# As in a container, whose host gives no namespaces: it has the host's files as its root.
if rootless:
    skip("resolver without namespaces", "host: it has none to take away")
else:
    resolver_tries(" without namespaces", "unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "$@"', "sh")
victim.kill()
victim.wait()

# Where the table says that calls are made, they are.
wrong = []
text = re.sub(r"^#.*\n", "", open(os.path.join(REPO, "net/nat/jail.table")).read(), flags=re.M)
for path, name in re.findall(r"(net/nat/\w+\.c):(\w+)", text):
    if not re.search(rf"\b{name}\b", open(os.path.join(REPO, path)).read()):
        wrong.append((path, name))
is_(wrong, [], "net/nat/jail.table and the sources agree")

# The real ones.
g = Guest()
pids = [g.p.pid] + [int(x) for x in open(f"/proc/{g.p.pid}/task/{g.p.pid}/children").read().split()]
is_(len(pids), 2, "two processes")
for pid, what in zip(pids, ("NAT", "resolver")):
    st = dict(l.rstrip("\n").split(":\t", 1) for l in open(f"/proc/{pid}/status") if ":\t" in l)
    is_((st["Seccomp"], st["NoNewPrivs"], int(st["CapEff"], 16), int(st["CapBnd"], 16) if os.getuid() == 0 else 0), ("2", "1", 0, 0),
        f"{what}: a system call list, no new privileges, no capabilities")
    lim = {l[:26].strip(): l[26:].split() for l in open(f"/proc/{pid}/limits")}
    ok(lim["Max core file size"][0] in ("0", "1") and lim["Max address space"][0] != "unlimited", f"{what}: limits")
names = {os.readlink(f"/proc/{pids[0]}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pids[0]}/fd") if int(fd) > 2}
ok(names <= {"socket", "pipe"}, f"NAT: no descriptor but sockets ({names})")
for ns in ("user", "mnt", "ipc", "uts"):
    mine_, its = (os.readlink(f"/proc/{p}/ns/{ns}") for p in ("self", pids[0]))
    if mine_ == its:
        skip(f"NAT: {ns} namespace of its own", "host: no such namespaces for users")
    else:
        ok(True, f"NAT: {ns} namespace of its own")
is_(os.readlink(f"/proc/self/ns/net"), os.readlink(f"/proc/{pids[0]}/ns/net"), "NAT: the host's network, which is its job")
is_(g.end(), 0, "it ends")
ok(gone([pids[1]]), "so does the resolver")

# A resolver that ends harms names only.
g = Guest()
child = int(open(f"/proc/{g.p.pid}/task/{g.p.pid}/children").read().split()[0])
if rootless:
    skip("resolver: a root of its own", "host: no mount namespaces for users")
else:
    has = [d for d in ("etc", "usr/lib", "tmp", "home", "root", "proc", "dev", "run/user", "usr/bin") if os.path.exists(f"/proc/{child}/root/{d}")]
    is_(has, ["etc", "usr/lib"], "resolver: what it reads is all that is in its root")
os.kill(child, signal.SIGKILL)
m = g.event()
ok(m and m["event"] == "warning" and "resolve" in m["message"], "a resolver that has ended is told to the parent")
is_(g.dns("localhost")[0], 2, "names fail then")
is_(g.ping(GATEWAY4), "pong", "nothing else does")
g.end()

# The parent's death ends both.
r, w = os.pipe()
pid = os.fork()
if not pid:
    g = Guest()
    child = int(open(f"/proc/{g.p.pid}/task/{g.p.pid}/children").read().split()[0])
    os.write(w, f"{g.p.pid} {child}".encode())
    os._exit(0)
os.waitpid(pid, 0)
pids = os.read(r, 100).decode().split()
ok(gone(pids), "when the parent dies, both end")
done()
