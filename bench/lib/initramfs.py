# SPDX-License-Identifier: GPL-2.0-or-later
"""Small initramfs (cpio, newc): one program as PID 1, and what it needs.

Written directly, because device nodes in a cpio need no privileges while
mknod does.
"""
import os
import re
import shutil
import stat
import subprocess

from .tools import Problem


def _entry(number, name, mode, data=b"", rdev=(0, 0)):
    name = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(name), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def _libraries(program):
    """Files that the dynamic linker loads for a program, with itself."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", out)


def _write(path, files):
    """files: name in the archive -> file; all are executable."""
    dirs = {"/dev", "/proc", "/tmp", "/root"}
    for name in files:
        while (name := os.path.dirname(name)) != "/":
            dirs.add(name)
    with open(path, "wb") as out:
        number = 1
        for name in sorted(dirs):
            out.write(_entry(number, name[1:], stat.S_IFDIR | 0o755))
            number += 1
        out.write(_entry(number, "dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1)))
        out.write(_entry(number + 1, "dev/null", stat.S_IFCHR | 0o666, rdev=(1, 3)))
        for number, (name, source) in enumerate(sorted(files.items()), number + 2):
            with open(source, "rb") as data:
                out.write(_entry(number, name[1:], stat.S_IFREG | 0o755, data.read()))
        out.write(_entry(0, "TRAILER!!!", 0))


def write(path, init):
    """Writes an initramfs with the file init as /init and the host's dash as /bin/sh."""
    shell = shutil.which("dash")
    if not shell:
        raise Problem("dash is not installed: apt-get install dash")
    files = {"/init": init, "/bin/sh": shell}
    files.update((lib, lib) for lib in _libraries(shell))
    _write(path, files)


def write_bundle(path, init, bundle, modules=()):
    """Writes an initramfs with the file init as /init, the files of the directory
    bundle in /bench, and kernel modules in /modules in their order."""
    files = {"/init": init}
    files.update((f"/bench/{name}", os.path.join(bundle, name)) for name in os.listdir(bundle))
    files.update((f"/modules/{i:02}-{os.path.basename(name)}", name) for i, name in enumerate(modules))
    _write(path, files)
