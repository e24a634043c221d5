# SPDX-License-Identifier: GPL-2.0-or-later
"""The systems that are compared, and how each is started.

A column of the table is a system in a place: "free" leaves all its threads to
the host's scheduler and to what the system itself does about placement, "one"
keeps everything on one host CPU, "busy" has that CPU shared with a program that
never sleeps.
"""
import copy
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
PEERS_ONLY = ("dash", "user-mode-linux")


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
        found = tools.fetch("ring3").splitlines()
        self.program = self.program or found[0]
        self.kernel = self.kernel or found[1]
        self.initrd = self.initrd or found[2]
        self.root = self.root or found[3]

    def command(self, mem, *options, initrd=None, root=None):
        return [self.program, "run", "--mem", mem, "--kernel", self.kernel, "--initrd",
                initrd or self.initrd, "--root", root or self.root, *options]


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
        return [self.program, f"mem={mem}", f"initrd={initrd}",
                "con0=fd:0,fd:1", "con=null", "quiet", *UML_WORDS, *words]

    def env(self):
        return dict(os.environ, LD_PRELOAD=self.shim, TMPDIR="/dev/shm")


class Qemu:
    """QEMU without KVM, with Debian's own kernel."""

    PACKAGES = {"qemu-system-x86_64": "qemu-system-x86"}

    def __init__(self):
        self.program = shutil.which("qemu-system-x86_64")
        if not self.program:
            raise Problem("qemu is not installed: apt-get install qemu-system-x86")
        # The kernel alone: installed it would want an initramfs and a boot loader.
        self.files = tools.fetch("kernel")
        kernels = glob.glob(os.path.join(self.files, "boot/vmlinuz-*"))
        if not kernels:
            raise Problem(f"there is no kernel for QEMU in {self.files}/boot")
        self.kernel = kernels[0]
        self.release = os.path.basename(self.kernel)[len("vmlinuz-"):]

    def modules(self, *names):
        """Files of these modules and of all they depend on, in the order to load them."""
        top = os.path.join(self.files, "lib/modules", self.release)
        found = {os.path.basename(path)[:-len(".ko")].replace("-", "_"): path
                 for path in glob.glob(os.path.join(top, "kernel/**/*.ko"), recursive=True)}
        order = []

        def add(name):
            path = found.get(name.replace("-", "_"))
            if not path or path in order:
                return
            out = subprocess.run(["/sbin/modinfo", "-F", "depends", path], capture_output=True, text=True,
                                 check=False).stdout
            for other in filter(None, out.strip().split(",")):
                add(other)
            order.append(path)
        for name in names:
            add(name)
        return order

    def command(self, mem, initrd, words, cpus=1, options=()):
        return [self.program, "-accel", "tcg,thread=multi", "-cpu", "max", "-m", mem, "-smp", str(cpus),
                "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-kernel", self.kernel,
                "-initrd", initrd, "-append", f"console=ttyS0 quiet panic=-1 {words}", *options]


def add_options(parser):
    group = parser.add_argument_group("ring3 (default: what ./run uses, set up if missing)")
    group.add_argument("--ring3", metavar="PROGRAM", help="the ring3 program")
    group.add_argument("--kernel", metavar="PATH", help="its guest kernel ($RING3_KERNEL)")
    group.add_argument("--initrd", metavar="PATH", help="its initramfs ($RING3_INITRD)")
    group.add_argument("--root", metavar="PATH", help="its Debian root disk ($RING3_ROOT)")
    group.add_argument("--other", metavar="KERNEL[,PROGRAM]", help="one more column: another build of ring3")
    group.add_argument("--uml", metavar="PATH", action="append", default=[],
                       help="one more linux.uml to compare with; may be given several times")


# ---- columns ----

BESIDE_A_HOG = 'while :; do :; done </dev/null & "$@"; status=$?; kill $!; exit $status'


class System:
    """One column. Its methods say how to start something in it: a dict of args and,
    where needed, stdin (a file's path) and env.

    micro(words)      the static program
    boot(cpio)        an initramfs; "tsc" if the guest has the host's counter
    workload(words)   /run/bench/run with these words, on the workloads' root disk;
                      DISK among them stands for the scratch disk
    """

    key = title = ""
    cpus = 1

    def __init__(self, place):
        self.place = place
        self.id = f"{self.key}@{place}"
        self.prefix = ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if place != "free" else []
        if place == "busy":
            self.prefix += ["sh", "-c", BESIDE_A_HOG, "sh"]

    def facts(self):
        return {"id": self.id, "system": self.key, "title": self.title, "place": self.place,
                "cpus": self.cpus}


class Native(System):
    key = title = "native"

    def __init__(self, setup, place):
        super().__init__(place)
        self.setup = setup
        self.cpus = 1 if place != "free" else len(os.sched_getaffinity(0))

    def micro(self, words):
        return {"args": [*self.prefix, self.setup.micro, *words]}

    def workload(self, words):
        tree, scratch = self.setup.tree, os.path.join(self.setup.work, "scratch")
        os.makedirs(scratch, exist_ok=True)
        script = ('set -e; tree=$1; shift; mount -t proc proc "$tree/proc"; mount --rbind /dev "$tree/dev"; '
                  'mount --rbind /sys "$tree/sys"; mount --bind "$1" "$tree/var/tmp"; '
                  'touch "$tree/run/disk"; mount --bind "$2" "$tree/run/disk"; shift 2; '
                  'exec chroot "$tree" /run/bench/run "$@"')
        user = ["--user", "--map-root-user"] if os.geteuid() else []
        return {"args": [*self.prefix, "unshare", *user, "--mount", "--net", "--pid", "--fork", "--kill-child",
                         "sh", "-c", script, "sh", tree, scratch, self.setup.disk,
                         *("/run/disk" if w == "DISK" else w for w in words)]}


class Ring3System(System):
    key = title = "ring3"

    def __init__(self, setup, place):
        super().__init__(place)
        self.setup = setup
        self.ring3 = setup.ring3

    def options(self):
        return ("--cpus", str(self.cpus))

    def command(self, *options):
        return [*self.prefix, *self.ring3.command(self.setup.mem, *self.options(), *options)]

    def boot(self, cpio):
        return {"args": [*self.prefix, *self.ring3.command(self.setup.mem, *self.options(), "--verbose",
                                                           "--append", "quiet", initrd=cpio)], "tsc": True}

    def boot_debian(self):
        return {"args": self.command("--", "sh", "-c", "echo bench-shell 0 0")}

    def micro(self, words):
        script = "cat >/run/micro && chmod +x /run/micro && exec /run/micro \"$@\" </dev/null"
        return {"args": self.command("--", "sh", "-c", script, "sh", *words), "stdin": self.setup.micro}

    def workload(self, words):
        script = ("mkdir -p /run/bench && tar x -C /run/bench && exec /run/bench/run \"$@\" </dev/null")
        words = ["serial:disk0" if w == "DISK" else w for w in words]
        return {"args": [*self.prefix, *self.ring3.command(
            self.setup.big_mem, *self.options(), "--disk", self.setup.disk, "--", "sh", "-c", script, "sh",
            *words, root=self.setup.image)], "stdin": self.setup.bundle_tar}


class Ring3Smp(Ring3System):
    key, title, cpus = "ring3-2", "ring3 --cpus 2", 2


def other_ring3(words):
    """The class of a column for another build: KERNEL, or KERNEL,PROGRAM."""
    kernel, _, program = words.partition(",")

    class OtherRing3(Ring3System):
        key = title = "ring3-other"

        def __init__(self, setup, place):
            super().__init__(setup, place)
            self.ring3 = copy.copy(setup.ring3)
            self.ring3.kernel, self.ring3.program = kernel, program or self.ring3.program
            for path in (self.ring3.kernel, self.ring3.program):
                if not os.path.exists(path):
                    raise Problem(f"{path} is not there: --other wants KERNEL or KERNEL,PROGRAM")
    return OtherRing3


class Ring3Unjailed(Ring3System):
    """What the walls cost: see bench/walls."""

    key, title = "ring3-unjailed", "ring3 --jail off"

    def options(self):
        return (*super().options(), "--jail", "off")


class UmlSystem(System):
    key = "uml"
    path = None			# another linux.uml than Debian's

    def __init__(self, setup, place):
        super().__init__(place)
        self.setup = setup
        self.uml = Uml(setup.work, self.path)
        self.title = f"UML {self.uml.release}"

    def boot(self, cpio):
        return {"args": [*self.prefix, *self.uml.command(self.setup.mem, cpio)], "env": self.uml.env(),
                "tsc": True}

    def micro(self, words):
        return {"args": [*self.prefix, *self.uml.command(self.setup.mem, self.setup.micro_cpio(), "--", *words)],
                "env": self.uml.env()}

    def workload(self, words):
        cow = os.path.join(self.setup.work, "uml.cow")
        if os.path.exists(cow):
            os.unlink(cow)
        words = ["/dev/ubdb" if w == "DISK" else w for w in words]
        return {"args": [*self.prefix, *self.uml.command(
            self.setup.big_mem, self.setup.bundle_cpio(), f"ubd0={cow},{self.setup.image}", f"ubd1={self.setup.disk}",
            "--", "/dev/ubda", *words)], "env": self.uml.env()}


def named_uml(path, number):
    """The class of a column for a linux.uml that was named."""
    return type("NamedUml", (UmlSystem,), {"key": f"uml{number}", "path": path})


class GvisorSystem(System):
    key, title = "gvisor", "gVisor ptrace"

    def __init__(self, setup, place):
        super().__init__(place)
        tools.install({"runsc": "runsc"})
        if not shutil.which("runsc"):
            raise Problem("runsc is not installed: apt-get install runsc")
        if os.geteuid():
            raise Problem("runsc do wants root")
        self.setup, self.state = setup, os.path.join(setup.work, "runsc")
        self.cpus = 1 if place != "free" else len(os.sched_getaffinity(0))

    def command(self, *words):
        return [*self.prefix, "runsc", "--root", self.state, "--platform", "ptrace", "--network", "none",
                "--ignore-cgroups", "do", *words]

    def workload(self, words):
        # What is written stays in the sandbox's memory, but for the scratch disk.
        options = ["-force-overlay=false"] if "DISK" in words else []
        words = ["/run/disk" if w == "DISK" else w for w in words]
        return {"args": self.command(*options, "-root", self.setup.tree, "-cwd", "/", "/run/bench/run", *words)}

    def boot(self, cpio):
        return {"args": self.command("sh", "-c", "echo bench-pid1 0 0; echo bench-shell 0 0")}

    def micro(self, words):
        return {"args": self.command(self.setup.micro, *words)}


class GvisorSystrap(System):
    key, title = "gvisor-systrap", "gVisor systrap"

    def __init__(self, setup, place):
        super().__init__(place)
        raise Problem("Debian's runsc is older than the systrap platform, and has ptrace and kvm only")


class QemuSystem(System):
    key = "qemu"

    def __init__(self, setup, place):
        super().__init__(place)
        tools.install(Qemu.PACKAGES)
        self.setup, self.qemu = setup, Qemu()
        self.title = "QEMU TCG"
        self.cpus = 1 if place != "free" else 2

    def boot(self, cpio):
        return {"args": [*self.prefix, *self.qemu.command(self.setup.mem, cpio, "", self.cpus)]}

    def micro(self, words):
        return {"args": [*self.prefix, *self.qemu.command(self.setup.mem, self.setup.micro_cpio(),
                                                          "-- " + " ".join(words), self.cpus)]}

    def workload(self, words):
        words = ["serial:disk0" if w == "DISK" else w for w in words]
        modules = self.qemu.modules("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
        drives = ["-drive", f"if=none,id=root,file={self.setup.image},format=raw,snapshot=on",
                  "-device", "virtio-blk-pci,drive=root,serial=root",
                  "-drive", f"if=none,id=disk,file={self.setup.disk},format=raw,cache=writeback",
                  "-device", "virtio-blk-pci,drive=disk,serial=disk0"]
        return {"args": [*self.prefix, *self.qemu.command(
            self.setup.big_mem, self.setup.bundle_cpio("qemu", modules), "-- /dev/vda " + " ".join(words), self.cpus,
            drives)], "env": dict(os.environ, TMPDIR=self.setup.work)}


SYSTEMS = {c.key: c for c in (Native, Ring3System, Ring3Smp, Ring3Unjailed, UmlSystem, GvisorSystem, GvisorSystrap,
                              QemuSystem)}
OURS = ("native", "ring3", "ring3-2", "ring3-other", "ring3-unjailed")
PLACES = {"free": "left to the host's scheduler", "one": "all on one host CPU",
          "busy": "all on one host CPU, beside a program that never sleeps"}
COMPARED = ",".join(key for key in SYSTEMS if key != Ring3Unjailed.key)


class Setup:
    """What all columns share: the machine's memory, the built programs, scratch space."""

    def __init__(self, args, work):
        self.mem, self.work, self._args, self._ring3 = args.mem, work, args, None
        tools.install(PACKAGES if not set(args.systems) <= set(OURS) else
                      {p: n for p, n in PACKAGES.items() if n not in PEERS_ONLY})
        self.micro = tools.compile_static(os.path.join(work, "micro"),
                                          sorted(glob.glob(os.path.join(tools.BENCH, "micro/*.c"))), "-pthread")

    @property
    def ring3(self):
        self._ring3 = self._ring3 or Ring3(self._args)
        return self._ring3

    def micro_cpio(self):
        path = os.path.join(self.work, "micro.cpio")
        if not os.path.exists(path):
            initramfs.write(path, self.micro)
        return path

    def prepare_workloads(self, systems):
        """The root disk, its files where some system wants these, the scripts, the scratch disk."""
        tools.install({"debugfs": "e2fsprogs", "unshare": "util-linux", "/sbin/modinfo": "kmod"})
        self.big_mem, self.image, source = "2G", tools.fetch("root"), tools.fetch("redis")
        bundle = os.path.join(self.work, "bundle")
        shutil.copytree(os.path.join(tools.BENCH, "workloads"), bundle)
        shutil.copy(self.micro, os.path.join(bundle, "micro"))
        shutil.copy(source, os.path.join(bundle, "redis.tar.gz"))
        self.bundle, self.bundle_tar = bundle, os.path.join(self.work, "bundle.tar")
        subprocess.run(["tar", "cf", self.bundle_tar, "-C", bundle, "."], check=True)
        self.disk = os.path.join(self.work, "disk")
        with open(self.disk, "wb") as out:		# of real blocks, so that all write to the same
            for _ in range(256):
                out.write(b"\1" * (1 << 20))
        self.tree = None
        if {"native", "gvisor"} & set(systems):
            self.tree = tools.fetch("tree", self.image)
            run = os.path.join(self.tree, "run/bench")
            shutil.rmtree(run, ignore_errors=True)
            shutil.copytree(bundle, run)
            if os.path.lexists(os.path.join(self.tree, "run/disk")):
                os.unlink(os.path.join(self.tree, "run/disk"))

    def bundle_cpio(self, name="uml", modules=()):
        init = os.path.join(self.work, "guest-init")
        path = os.path.join(self.work, f"{name}.cpio")
        if not os.path.exists(path):
            if not os.path.exists(init):
                tools.compile_static(init, [os.path.join(tools.BENCH, "guest-init.c")])
            initramfs.write_bundle(path, init, self.bundle, modules)
        return path


def columns(args, setup):
    """The columns asked for, and {title: reason} for those that cannot be."""
    chosen, missing = [], {}
    classes = [SYSTEMS[key] for key in args.systems]
    classes += [other_ring3(args.other)] if args.other else []
    classes += [named_uml(path, n + 2) for n, path in enumerate(args.uml)]
    for place in args.places:
        for cls in classes:
            if cls is Ring3Smp and (place != "free" or len(os.sched_getaffinity(0)) < 2):
                if place == "free":
                    missing[cls.title] = "this host has one CPU"
                continue
            try:
                chosen.append(cls(setup, place))
            except Problem as why:
                if cls.key in ("native", "ring3", "ring3-other"):
                    raise
                missing[cls.title or cls.key] = str(why)
    return chosen, missing
