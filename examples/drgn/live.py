#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""drgn on the memory of a running ring3 guest, which is not stopped for it.

usage: live.py NAME [SCRIPT [ARGUMENT...]]

Without SCRIPT, an interactive session. In both "prog" is the guest's kernel. Needs
drgn (Debian package python3-drgn) and a guest kernel with DWARF (kernel/build.sh
--debug). What changes while it is read may be seen half changed: a list that is
walked meanwhile can end in an error, and the next try finds it whole.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import drgn
import drgn.helpers.linux

RING3 = os.environ.get("RING3", "ring3")
DIRECT_BASE = 0x700000000000
PT_LOAD = 1


def guest_of(name):
    for line in subprocess.run([RING3, "ps", "--json"], check=True, stdout=subprocess.PIPE).stdout.splitlines():
        guest = json.loads(line)
        if guest["name"] == name:
            return guest
    sys.exit(f"live.py: no guest called {name} is running; \"ring3 ps\" lists those that are")


def loads(path):
    """(address, physical address, length) of the core's segments"""
    with open(path, "rb") as f:
        head = f.read(64)
        offset, = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        f.seek(offset)
        for _ in range(count):
            kind, _, _, addr, phys, _, length, _ = struct.unpack_from("<IIQQQQQQ", f.read(size))
            if kind == PT_LOAD:
                yield addr, phys, length


def program(name):
    guest = guest_of(name)
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        subprocess.run([RING3, "dump", "--headers", name, core], check=True)
        prog = drgn.Program()
        prog.set_core_dump(core)
        segments = list(loads(core))
    memory = os.open(f"/proc/{guest['monitor']}/mem", os.O_RDONLY)

    def reader(base):
        def read(address, count, offset, physical):
            return os.pread(memory, count, DIRECT_BASE + base + offset)
        return read

    for addr, phys, length in segments:
        prog.add_memory_segment(addr, length, reader(phys), False)
        if addr == DIRECT_BASE:
            prog.add_memory_segment(phys, length, reader(phys), True)
    kernel = guest["kernel_file"]
    prog.load_debug_info([kernel + ".debug" if os.path.exists(kernel + ".debug") else kernel])
    return prog


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.split("\n\n")[1])
    prog = program(sys.argv[1])
    names = {"prog": prog, "drgn": drgn, "__name__": "__main__"}
    if len(sys.argv) > 2:
        sys.argv = sys.argv[2:]
        with open(sys.argv[0]) as f:
            exec(compile(f.read(), sys.argv[0], "exec"), names)
        return
    import code
    names.update((n, getattr(drgn.helpers.linux, n)) for n in dir(drgn.helpers.linux) if n[0] != "_")
    code.interact(banner="prog is the guest's kernel; drgn.helpers.linux is there", local=names)


main()
