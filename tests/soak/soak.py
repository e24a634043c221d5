# SPDX-License-Identifier: GPL-2.0-or-later
"""stress-ng in one guest for long: every pair of the groups below in turn, all
stressors of both at once. Every round has to pass with what stress-ng verifies;
in the end the kernel must not have complained, the guest must be at work, and
nothing of it be left on the host. The full output is in soak.log in the current
folder; the last line says what came out."""
import ctypes
import itertools
import os
import re
import signal
import subprocess
import sys
import time

GROUPS = {
    "compute": "cpu matrix vecwide fp longjmp opcode atomic qsort",
    "schedule": "switch futex sem sem-sysv mutex affinity yield context schedpolicy",
    "memory": "vm mmap mremap mmapfork fault madvise mprotect brk stack bigheap mincore memfd userfaultfd",
    "processes": "fork vfork clone pthread exec exit-group daemon zombie kill wait",
    "signals": "signal sigsegv sigfd sigfpe sigq sigrt sigsuspend sigtrap sigchld",
    "timers": "timer itimer hrtimers timerfd nanosleep alarm poll clock",
    "pipes": "pipe pipeherd fifo splice tee vm-splice sendfile sock sockfd udp eventfd",
    "files": "hdd dentry rename fallocate link xattr lockf flock copy-file inotify iomix",
}
SIZES = "--vm-bytes 64M --mmap-bytes 64M --mremap-bytes 16M --hdd-bytes 64M --iomix-bytes 64M --bigheap-growth 64K --memfd-bytes 32M"
COMPLAINTS = re.compile(r"WARNING:|BUG:|Oops|stall|soft lockup|blocked for more than|ended a guest process|"
                        r"does not (answer|stop)|no space on the host|panic")
PR_SET_CHILD_SUBREAPER = 36
STEP = 120


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def pairs():
    """All pairs of groups; each four that follow each other have all groups."""
    first, *rest = GROUPS
    for i in range(len(rest)):
        ring = [first] + rest[i:] + rest[:i]
        for j in range(len(ring) // 2):
            yield ring[j], ring[-1 - j]


def script(minutes):
    """For the guest: rounds, then what its kernel has said."""
    step = min(STEP, max(minutes * 60 // 4, 5))
    lines = ["cd /root || exit"]
    for a, b in itertools.islice(itertools.cycle(pairs()), minutes * 60 // step):
        args = " ".join(f"--{s} 1" for s in (GROUPS[a] + " " + GROUPS[b]).split())
        lines.append(f"echo '## {a} {b} {step}'; stress-ng --verify --oomable -t {step} {SIZES} {args} 2>&1; echo \"## status $?\"")
    lines.append("echo '## dmesg'; dmesg; echo '## health'; nproc; uptime; grep FYD: /proc/interrupts; seq 100000 | md5sum; "
                 "echo 'int main(void){return 42;}' | gcc -x c -o t - && ./t; echo \"## end $?\"")
    return "\n".join(lines)


def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as f:
        return f.read().split()


def main():
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    cpus = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    bad, status, what = [], None, ""
    with open("soak.log", "w") as log:
        p = subprocess.Popen([os.environ["RING3"], "run", "--cpus", str(cpus), "--mem", "3G", "--timeout", f"{minutes * 2 + 20}m",
                              "--", "bash", "-c", script(minutes)],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        section = "round"
        for line in p.stdout:
            log.write(line)
            log.flush()
            if m := re.match(r"## (\w+) (\w+) (\d+)$", line):
                what = f"{m[1]} and {m[2]}"
                say(f"{what}, {m[3]} s")
            elif m := re.match(r"## status (\d+)", line):
                # 3 and 4: some stressor lacks a resource or is not there at all.
                if m[1] not in ("0", "3", "4"):
                    bad.append(f"{what}: stress-ng ended with {m[1]}")
            elif m := re.match(r"## (dmesg|health)$", line):
                section = m[1]
            elif m := re.match(r"## end (\d+)", line):
                status = int(m[1])
            elif section == "round" and re.search(r"\bfail: |\bfailed: [1-9]|verif.*(fail|mismatch)", line):
                bad.append(f"{what}: {line.strip()}")
            elif section == "dmesg" and COMPLAINTS.search(line):
                bad.append(f"kernel: {line.strip()}")
        code = p.wait()
    if code or status != 42:
        bad.append(f"the guest ended with {code}, its own check with {status} (want 0 and 42)")
    end = time.monotonic() + 5
    while time.monotonic() < end and children():
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        time.sleep(0.1)
    for pid in children():
        bad.append(f"process {pid} is left on the host")
        os.kill(int(pid), signal.SIGKILL)
    for line in bad:
        print("    " + line)
    say(f"{minutes} minutes on {cpus} CPUs: " + (f"{len(bad)} complaints" if bad else "clean"))
    return 1 if bad else 0


sys.exit(main())
