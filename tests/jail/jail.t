#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# A hostile program in the place of the guest kernel takes over each kind of
# thread of the monitor and tries every host system call: what is not refused
# is what SECURITY.md lists. Without the jail it is more than that.
import os
import re
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

REPO, BUILD = os.environ["REPO"], os.environ["BUILD"]
RING3 = os.environ["RING3"]
HOSTILE = os.path.join(BUILD, "tests/jail/hostile")
POLICY = os.path.join(REPO, "monitor/jail/policy")
DISK = os.path.join(TMP, "disk")
CARD, CABLE = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
KINDS = ("vcpu", "console", "rng", "blk", "net", "vhost", "vsock", "balloon", "slot", "control")
# Nobody may ever have these, whatever the table says.
NEVER = """execve execveat kill open openat openat2 open_by_handle_at creat socket socketpair connect bind ptrace
bpf io_uring_setup io_uring_enter clone clone3 fork vfork unshare setns process_vm_readv process_vm_writev
pidfd_open pidfd_getfd mprotect mremap pkey_mprotect memfd_create mount userfaultfd perf_event_open seccomp prctl
ioctl fcntl dup dup2 dup3 sendmsg recvmsg tkill rt_sigaction rt_sigqueueinfo setrlimit prlimit64 keyctl kexec_load""".split()


def back_end(listening):
    """Of a shared folder that nobody mounts: it says that it knows virtio 1."""
    while True:
        sock = listening.accept()[0]
        while len(head := sock.recv(12)) == 12:
            request, flags, size = struct.unpack("III", head)
            sock.recv(size) if size else None
            if request == 1:
                sock.send(struct.pack("=IIIQ", request, 5, 8, 1 << 32))


def policy(mode):
    return subprocess.run([POLICY, mode], stdout=subprocess.PIPE, check=True, text=True).stdout


def numbers():
    """The C library's headers know the names of all calls."""
    text = subprocess.run(["cc", "-E", "-dM", "-include", "asm/unistd_64.h", "-xc", "/dev/null"],
                          stdout=subprocess.PIPE, check=True, text=True).stdout
    return {int(n): name for name, n in re.findall(r"#define __NR_(\w+) (\d+)", text)}


def hostile(kind, *options, words=""):
    """Status and lines. A guest that says it is over and does not end is ended."""
    p = subprocess.Popen([RING3, "run", "--kernel", HOSTILE, "--init", "/none", "--early-console", "--root", DISK,
                          "--mem", "64M", "--timeout", "60", "--vhost-user", f"fs:{SHARE},tag=share", "--net", f"fd:{CARD.fileno()}",
                          "--vsock", os.path.join(TMP, "vsock"), "--append", f"thread={kind} {words}", *options],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[CARD.fileno()])
    text = b""
    for line in p.stdout:
        text += line
        if line.strip() == f"over {kind}".encode():
            try:
                p.wait(1)
            except subprocess.TimeoutExpired:
                p.terminate()
    # With --early-console the kernel's log is shown again when the guest fails.
    return p.wait(), text.split(b"-" * 40)[0].decode(errors="backslashreplace").splitlines()


with open(DISK, "wb") as f:
    f.truncate(1 << 20)
SHARE = os.path.join(TMP, "share")
listening = socket.socket(socket.AF_UNIX)
listening.bind(SHARE)
listening.listen()
threading.Thread(target=back_end, args=(listening,), daemon=True).start()
names = numbers()
listed = {kind: set() for kind in KINDS}
for line in policy("--calls").splitlines():
    kind, call = line.split()
    if kind in listed:
        listed[kind].add(call)
kinds = {line.split()[0] for line in policy("--calls").splitlines()}
same(kinds - {"guest", "manager", "zygote"}, set(KINDS), "every kind of thread is taken over below")

union = set()
for kind in KINDS:
    status, lines = hostile(kind)
    seen = {names.get(int(m[1]), m[1]) for line in lines if (m := re.fullmatch(rf"open {kind} (\d+)", line))}
    tried = {int(m[1]) for line in lines if (m := re.fullmatch(rf"try {kind} (\d+)", line))}
    refused = {int(m[1]) for line in lines if (m := re.fullmatch(rf"refused {kind} (\d+)", line))}
    # Whoever made these and did not come back was let through.
    seen |= {names[n] for n in tried - refused}
    # From Linux 6.14 on no filter sees these two; see hostile.c.
    seen -= {"uretprobe", "335", "uprobe", "336"}
    union |= seen
    print(f"# {kind}: {' '.join(sorted(seen))}")
    ok(f"listed {kind}" in lines, f"{kind}: the thread is taken and has tried everything", *lines[-20:])
    same(sorted(seen), sorted(listed[kind]), f"{kind}: what is not refused is the list")
    same([line for line in lines if re.match(r"path |open x32|open int80|grows |waits ", line)], [],
         f"{kind}: no path opens, no x32 and no int 0x80 call is answered, no image grows, none is waited for")
    # Messages on one descriptor, and the end of those.
    on = {}
    for line in lines:
        if m := re.fullmatch(rf"descriptor {kind} (\d+) (\d+)", line):
            on.setdefault(names[int(m[1])], []).append(m[2])
    if kind == "vhost":
        ok(sorted(on) == ["recvfrom", "sendmsg", "shutdown"] and len(set(map(tuple, on.values()))) == 1 and
           len(on["sendmsg"]) == 1, "vhost: messages on its one socket", on)
        back_end_socket = on["sendmsg"]
    elif kind == "control":
        ok(sorted(on) == ["recvmsg", "sendmsg"] and on["recvmsg"] == on["sendmsg"] and len(on["sendmsg"]) == 1 and
           on["sendmsg"] != back_end_socket, "control: messages on the control channel and on nothing else", on)
    else:
        same(on, {}, f"{kind}: no messages")
    if kind == "vcpu":
        same([line for line in lines if line.startswith("not ok")], [], "arguments that are not a vCPU's are refused")
        ok(sum(line.startswith("ok ") for line in lines) == 66, "all of them were tried", *lines)
# On one socket each, as was seen.
union -= {"sendmsg", "recvmsg"}
same(sorted(union & set(NEVER)), [], "together, all threads of the monitor have none of what would lead out")

# A device among the disks, even one that is only read, lifts no limit of the others'.
with open(DISK + "2", "wb") as f:
    f.truncate(64 << 20)
r = subprocess.run(["losetup", "--show", "-f", DISK + "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
if r.returncode:
    skip("with a block device no image grows either", "host: no loop devices: " + r.stderr.strip())
else:
    device = r.stdout.strip()
    status, lines = hostile("blk", "--disk", device + ",ro")
    subprocess.run(["losetup", "-d", device], check=True)
    ok("listed blk" in lines and "grows blk" not in lines, "with a block device no image grows either", *lines[-20:])
    same(os.stat(DISK).st_size, 1 << 20, "and it has not")

status, lines = hostile("vcpu", "--jail", "off", words="harmless=1")
seen = {names.get(int(m[1]), m[1]) for line in lines if (m := re.fullmatch(r"open vcpu (\d+)", line))}
ok(seen - listed["vcpu"] and any(line.startswith("path /etc/passwd") for line in lines) and "grows vcpu" in lines,
   "without a jail the same program gets out: this test can fail", *lines[:20])
ok(any("jail is off" in line for line in lines), "and ring3 says that there is none")

status, lines = hostile("vcpu", words="flood=1")
text = "\n".join(lines)
ok("xxxx" in text and len(text) < 1 << 20 and "more than anybody can read" in text,
   "messages beyond a measure are left out, and that is said", len(text), text[:200], text[-200:])
same(re.findall("[^ -~\n]|\\\\x", text)[:5], [], "nothing in them controls a terminal")

with open(os.path.join(REPO, "SECURITY.md"), encoding="utf-8") as f:
    text = f.read()
part = re.search(r"<!-- monitor/jail/policy --table -->\n(.*?)<!-- end -->", text, re.S)
same(part and part[1], policy("--table"), "SECURITY.md has the list, made by monitor/jail/policy --table")
done()
