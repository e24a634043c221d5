# SPDX-License-Identifier: GPL-2.0-or-later
"""The systems that are compared, and how each is started.

Every peer gets what suits it best: UML is kept on one host CPU, where it is
several times faster than when the host's scheduler moves it, and its kernels
are told to be quiet.
"""
import glob
import os
import shutil
import subprocess

from . import initramfs, tools
from .tools import Problem, note

PACKAGES = {
    "gcc": "gcc",
    "/usr/include/stdio.h": "libc6-dev",
    "dash": "dash",
    "taskset": "util-linux",
    "linux.uml": "user-mode-linux",
}


class Ring3:
    """The built program and what it boots, as ./run would use them or as named."""

    def __init__(self, args):
        env = os.environ
        self.program = args.ring3
        self.kernel = args.kernel or env.get("RING3_KERNEL")
        self.initrd = args.initrd or env.get("RING3_INITRD")
        self.root = args.root or env.get("RING3_ROOT")
        if not (self.program and self.kernel and self.initrd and self.root):
            self._from_run()
        for what, path in (("program", self.program), ("kernel", self.kernel),
                           ("initramfs", self.initrd), ("root disk", self.root)):
            if not path or not os.path.exists(path):
                raise Problem(f"ring3's {what} is not there ({path}): run ./run -- true first, "
                              "or name it (--help)")

    def _from_run(self):
        """Lets ./run set up what is missing, and asks it what it would use."""
        note("setting up ring3 (./run)")
        script = ('set -uo pipefail; REPO=$1; . "$REPO/scripts/lib.sh"; . "$REPO/scripts/setup.sh"; '
                  'setup 1 1 $host_targets >&2; exec 9>&-; '
                  'printf "%s\\n" "$RING3" "$RING3_KERNEL" "$RING3_INITRD" "$RING3_ROOT"')
        done = subprocess.run(["bash", "-c", script, "bench", tools.REPO],
                              stdout=subprocess.PIPE, text=True, check=False)
        found = done.stdout.splitlines()
        if done.returncode or len(found) != 4:
            raise Problem("ring3 cannot be set up: try ./run -- true")
        self.program = self.program or found[0]
        self.kernel = self.kernel or found[1]
        self.initrd = self.initrd or found[2]
        self.root = self.root or found[3]

    def command(self, mem, *options, initrd=None):
        return [self.program, "run", "--mem", mem, "--kernel", self.kernel, "--initrd",
                initrd or self.initrd, "--root", self.root, *options]


def _one_cpu():
    return ["taskset", "-c", str(max(os.sched_getaffinity(0)))]


# The vector registers above SSE are lost at a fault in UML with uml-fpregs.c: the
# guest's C library must not use them. The kernel passes this on to PID 1.
UML_WORDS = ("GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,"
             "-AVX_Fast_Unaligned_Load",)


class Uml:
    """A linux.uml: Debian's, or one that was named."""

    def __init__(self, work, path=None):
        self.program = path or shutil.which("linux.uml")
        if not self.program:
            raise Problem("user-mode-linux is not installed: apt-get install user-mode-linux")
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=False)
        self.release = (done.stdout.split() or ["?"])[-1]
        self.shim = os.path.join(work, "uml-fpregs.so")
        if not os.path.exists(self.shim):
            subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", self.shim,
                            os.path.join(tools.BENCH, "uml-fpregs.c")], check=True)

    def command(self, mem, initrd, *words):
        """For standard input, output and environment see env()."""
        return [*_one_cpu(), self.program, f"mem={mem}", f"initrd={initrd}",
                "con0=fd:0,fd:1", "con=null", "quiet", *UML_WORDS, *words]

    def env(self):
        return dict(os.environ, LD_PRELOAD=self.shim, TMPDIR="/dev/shm")


class Qemu:
    """QEMU without KVM, with Debian's own kernel."""

    PACKAGES = {"qemu-system-x86_64": "qemu-system-x86"}

    def __init__(self, work):
        self.program = shutil.which("qemu-system-x86_64")
        if not self.program:
            raise Problem("qemu is not installed: apt-get install qemu-system-x86")
        kernels = sorted(glob.glob("/boot/vmlinuz-*-amd64")) or self._download(work)
        if not kernels:
            raise Problem("no Debian kernel for QEMU, here or to download (linux-image-amd64)")
        self.kernel = kernels[-1]
        self.release = os.path.basename(self.kernel)[len("vmlinuz-"):]

    @staticmethod
    def _download(work):
        """The kernel alone: installed it would want an initramfs and a boot loader."""
        out = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True,
                             text=True, check=False).stdout
        names = [l.split()[-1] for l in out.splitlines() if "Depends: linux-image-" in l]
        if not names:
            return []
        note(f"fetching {names[0]}")
        subprocess.run(["apt-get", "-q", "download", names[0]], cwd=work, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for deb in glob.glob(os.path.join(work, "linux-image-*.deb")):
            subprocess.run(["dpkg-deb", "-x", deb, os.path.join(work, "image")], check=False)
        return glob.glob(os.path.join(work, "image/boot/vmlinuz-*"))

    def command(self, mem, initrd, words, cpus=1):
        return [self.program, "-accel", "tcg,thread=multi", "-cpu", "max", "-m", mem, "-smp", str(cpus),
                "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-kernel", self.kernel,
                "-initrd", initrd, "-append", f"console=ttyS0 quiet panic=-1 {words}"]


def add_options(parser):
    group = parser.add_argument_group("ring3 (default: what ./run uses, set up if missing)")
    group.add_argument("--ring3", metavar="PROGRAM", help="the ring3 program")
    group.add_argument("--kernel", metavar="PATH", help="its guest kernel ($RING3_KERNEL)")
    group.add_argument("--initrd", metavar="PATH", help="its initramfs ($RING3_INITRD)")
    group.add_argument("--root", metavar="PATH", help="its Debian root disk ($RING3_ROOT)")
    group.add_argument("--uml", metavar="PATH", action="append", default=[],
                       help="one more linux.uml to compare with; may be given several times")


# ---- the same static program everywhere, for bench/run ----

class Native:
    name = "native"

    def __init__(self, args, work, micro):
        self.micro = micro

    def start(self, words):
        return {"args": [self.micro, *words]}


class Ring3Micro:
    def __init__(self, args, work, micro, cpus=1):
        self.name = "ring3" if cpus == 1 else f"ring3, {cpus} CPUs"
        self.ring3, self.micro, self.mem, self.cpus = Ring3(args), micro, args.mem, cpus

    def start(self, words):
        script = "cat >/run/micro && chmod +x /run/micro && exec /run/micro \"$@\""
        return {"args": self.ring3.command(self.mem, "--cpus", str(self.cpus), "--", "sh", "-c",
                                           script, "sh", *words),
                "stdin": self.micro}


class UmlMicro:
    def __init__(self, args, work, micro, path=None):
        self.uml, self.mem = Uml(work, path), args.mem
        self.name = f"UML {self.uml.release}" + (" (own)" if path else "")
        self.cpio = _micro_cpio(work, micro)

    def start(self, words):
        return {"args": self.uml.command(self.mem, self.cpio, "--", *words), "env": self.uml.env()}


class QemuMicro:
    def __init__(self, args, work, micro):
        tools.install(Qemu.PACKAGES)
        self.qemu, self.mem = Qemu(work), args.mem
        self.name = f"QEMU TCG {self.qemu.release}"
        self.cpio = _micro_cpio(work, micro)

    def start(self, words):
        return {"args": self.qemu.command(self.mem, self.cpio, "-- " + " ".join(words), 2)}


class GvisorMicro:
    """Pinned as UML is, and for the same reason, unless it is to be free."""

    def __init__(self, args, work, micro, free=False):
        self.name = "gVisor (ptrace)" + (", not pinned" if free else "")
        self.pin = [] if free else _one_cpu()
        tools.install({"runsc": "runsc"})
        if not shutil.which("runsc"):
            raise Problem("runsc is not installed: apt-get install runsc")
        if os.geteuid():
            raise Problem("runsc do wants root")
        self.micro, self.state = micro, os.path.join(work, "runsc")

    def start(self, words):
        return {"args": [*self.pin, "runsc", "--root", self.state, "--platform", "ptrace", "--network", "none",
                         "--ignore-cgroups", "do", self.micro, *words]}


def _micro_cpio(work, micro):
    path = os.path.join(work, "micro.cpio")
    if not os.path.exists(path):
        initramfs.write(path, micro)
    return path


MICRO = {
    "native": Native,
    "ring3": Ring3Micro,
    "ring3-2cpus": lambda *a: Ring3Micro(*a, cpus=2),
    "uml": UmlMicro,
    "gvisor": GvisorMicro,
    "gvisor-free": lambda *a: GvisorMicro(*a, free=True),
    "qemu": QemuMicro,
}
