#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# Commands on pipes: bytes, ends, statuses and signals, without a kernel.
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

r = run("run", *sh("echo out; echo err >&2; exit 7"))
same((r.stdout, r.stderr, r.returncode), (b"out\n", b"err\n", 7), "stdout, stderr and status arrive apart")

r = run("run", "--", "cat", input=b"hello\n")
same((r.stdout, r.returncode), (b"hello\n", 0), "stdin reaches the command, and its end does")

data = os.urandom(100_000_000)
r = run("run", "--", "cat", input=data)
ok(r.stdout == data, "100 MB through cat are identical", len(r.stdout))
r = run("run", "--", "sha256sum", input=data)
same(r.stdout.split()[:1], [hashlib.sha256(data).hexdigest().encode()], "100 MB to the command are identical")
path = os.path.join(TMP, "random")
with open(path, "wb") as f:
    f.write(data)
r = run("run", "--", "cat", path)
ok(r.stdout == data, "100 MB from the command are identical", len(r.stdout))
with open(path, "rb") as f, open(path + ".out", "wb") as g:
    subprocess.run([FAKE, "run", "--", "cat"], stdin=f, stdout=g, timeout=60)
ok(open(path + ".out", "rb").read() == data, "100 MB from file to file are identical")
r = run("run", *sh("head -c 3000000 %s; head -c 3000000 %s >&2" % (path, path)))
ok(r.stdout == data[:3000000] and r.stderr == data[:3000000], "two streams at once do not hold each other up",
   len(r.stdout), len(r.stderr))
del data

# A writer that floods while nobody reads, and a reader that is slow.
p = spawn("run", "--", "cat", "/dev/zero", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
p.stdout.read(1)
time.sleep(1)
with open(f"/proc/{p.pid}/status") as f:
    rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
ok(rss < 20000, "output that nobody reads is not gathered", f"{rss} kB")
p.stdout.close()
same(p.wait(60), 128 + signal.SIGPIPE, "a closed stdout ends the command by SIGPIPE")

r = subprocess.run(f"{FAKE} run -- yes </dev/null 2>&1 | head -1", shell=True, stdout=subprocess.PIPE, timeout=20)
same(r.stdout, b"y\n", "yes | head ends, without a message")
r = run("run", *sh("exec 2>&1; yes 2>/dev/null | head -c 1 >/dev/null; echo on"))
same(r.stdout, b"on\n", "pipes inside the guest are not ours to mind")

p = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
r = subprocess.run([FAKE, "run", "--", "head", "-1"], stdin=p.stdout, stdout=subprocess.PIPE, timeout=20)
p.stdout.close()
same((r.stdout, p.wait(60)), (b"y\n", -signal.SIGPIPE), "a command that reads no more ends whoever feeds it")

p = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
q = spawn("run", *sh("exec <&-; sleep 6"), stdin=p.stdout)
p.stdout.close()
ok(p.wait(5) == -signal.SIGPIPE and q.poll() is None, "the same while the command goes on")
q.wait(20)

q = spawn("run", *sh("exec >&-; sleep 6"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
start = time.monotonic()
q.stdout.read()
ok(time.monotonic() - start < 5 and q.poll() is None, "the end of a command's stdout is seen before its own")
q.wait(20)

start = time.monotonic()
r = run("run", *sh("sleep 20 & echo $!"))
ok(r.stdout.strip().isdigit() and time.monotonic() - start < 15, "a process left behind does not hold the command's end",
   time.monotonic() - start, r.stdout)
os.kill(int(r.stdout), signal.SIGKILL)
r = run("run", *sh("head -c 400000 /dev/zero"))
same(len(r.stdout), 400000, "a command's last output arrives although it is gone")
r = run("run", *sh("head -c 60000 /dev/zero; exit 3"))
same((len(r.stdout), r.returncode), (60000, 3), "also what fits its pipe, and its status")

for i in range(30):
    r = run("run", *sh(f"echo {i}; exit {i}"))
    if (r.stdout, r.returncode) != (b"%d\n" % i, i):
        break
ok(i == 29 and r.returncode == 29, "thirty short commands in a row lose nothing", i, r)

r = run("run", *sh("kill -9 $$"))
same(r.returncode, 137, "killed by a signal is 128 and the signal")
r = run("run", "--", "no-such-command")
same((r.returncode, r.stderr), (127, b"ring3: no such command in the guest: no-such-command\n"), "no such command is 127")
r = run("run", "--", "/etc/passwd")
same(r.returncode, 126, "not executable is 126")
ok(b"/etc/passwd" in r.stderr and b"denied" in r.stderr, "and says why", r.stderr)
script = os.path.join(TMP, "script")
with open(script, "w") as f:
    f.write("echo plain $1\n")
os.chmod(script, 0o755)
r = run("run", "--", script, "x")
same(r.stdout, b"plain x\n", "a script without #! runs as in a shell")
with open(script, "w") as f:
    f.write("#!/no/interpreter\n")
r = run("run", "--", script)
ok(r.returncode == 126 and b"interpreter" in r.stderr, "a missing interpreter is named", r)

r = run("run", input=b"echo $0; exit 4\n")
ok(r.returncode == 4 and r.stdout.startswith(b"-"), "without a command a login shell reads stdin", r)
r = run("run", "--env", "A=1 2", "-e", "LANG=xx", "--cwd", "/usr", *sh('echo "$A $LANG $PWD $HOME"'))
same(r.stdout.split()[:4], [b"1", b"2", b"xx", b"/usr"], "variables and directory are passed")
r = run("run", "--cwd", "/nowhere", "--", "true")
ok(r.returncode == 125 and b"/nowhere" in r.stderr, "a directory that is not there is named", r)
many = [str(i) * 50 for i in range(4000)]
r = run("run", "--", "sh", "-c", 'echo $#; echo "$4000"', "sh", *many)
same(r.stdout.split()[0], b"4000", "a long command line arrives")
r = run("run", "--", "true", "x" * 100000, *(["y" * 100000] * 10))
ok(r.returncode == 125 and b"too long" in r.stderr, "one that is too long is refused", r.stderr[-200:])

if os.getuid() == 0:
    r = run("run", "--user", "65534:100", "--", "id", "-u")
    same(r.stdout, b"65534\n", "--user runs as that user")
    r = run("run", "--user", "65534:100", "--", "id", "-G")
    same(r.stdout, b"100\n", "with that group and no other")

for sig, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)):
    p = spawn("run", *sh("echo up; exec sleep 20"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    p.stdout.readline()
    p.send_signal(sig)
    same(p.wait(60), status, f"{sig.name} is passed to the command")
p = spawn("run", *sh("trap 'echo got; exit 9' TERM; echo up; while :; do sleep 0.1; done"),
          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
p.stdout.readline()
p.send_signal(signal.SIGTERM)
same((p.stdout.read(), p.wait(60)), (b"got\n", 9), "a command may handle SIGTERM and end as it likes")
p = spawn("run", *sh("trap '' TERM; echo up; while :; do sleep 0.1; done"),
          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
p.stdout.readline()
p.send_signal(signal.SIGTERM)
time.sleep(0.3)
p.send_signal(signal.SIGTERM)
same(p.wait(60), 143, "a second SIGTERM ends a guest whose command ignores it")

p = spawn("run", *sh("echo $$; exec sleep 20"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
guest_pid = int(p.stdout.readline())
p.send_signal(signal.SIGTSTP)
state = lambda pid: open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
ok(wait_until(lambda: state(p.pid) == "T" and state(guest_pid) == "T"), "SIGTSTP stops ring3 and the command")
p.send_signal(signal.SIGCONT)
ok(wait_until(lambda: state(p.pid) != "T" and state(guest_pid) != "T"), "SIGCONT continues both")
p.kill()
p.wait()
# As a zombie, if whoever inherits it does not reap at once.
ok(wait_until(lambda: not os.path.exists(f"/proc/{guest_pid}") or state(guest_pid) == "Z"), "killing ring3 ends the guest with it")

a, b = os.pipe()
p = spawn("run", *sh("sleep 1"), stdin=a, stdout=b, stderr=b)
flags = []
for i in range(10):
    time.sleep(0.05)
    flags += [fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK for fd in (a, b)]
p.wait(60)
ok(not any(flags), "shared descriptors are not made non-blocking")
p = subprocess.Popen(f"{FAKE} run -- sh -c 'echo ok; exit 5' <&- 2>&-", shell=True, stdout=subprocess.PIPE)
same((p.stdout.read(), p.wait(60)), (b"ok\n", 5), "closed descriptors do no harm")
r = subprocess.run(f"{FAKE} run -- sh -c 'echo ok' > /dev/full", shell=True, stderr=subprocess.PIPE, timeout=60)
ok(b"No space" in r.stderr, "a full disk at stdout is reported", r)
done()
