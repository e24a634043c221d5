#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# monitor/jail/policy.table against the sources: each call is made where it says, and
# no other is, neither by a number nor by a function of the C library.
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

REPO, BUILD = os.environ["REPO"], os.environ["BUILD"]
# What the monitor has of the C library and what makes no call there, but for locks,
# which the table has. Everything else has to be in the table.
PURE = set("""__ctype_b_loc __ctype_tolower_loc __errno_location __rseq_offset __rseq_size __stack_chk_fail
__tls_get_addr _GLOBAL_OFFSET_TABLE_ asprintf calloc free getauxval malloc mallopt memcmp memcpy memmove memset realloc sigaddset
sigdelset sigemptyset sigfillset snprintf strchr strcmp strerror strlen strnlen strtoull syscall vsnprintf""".split())


def run(*cmd):
    return subprocess.run(cmd, stdout=subprocess.PIPE, check=True, text=True).stdout


def source(path):
    with open(os.path.join(REPO, path), encoding="utf-8") as f:
        return re.sub(r"/\*.*?\*/|//[^\n]*", " ", f.read(), flags=re.S)


places = [line.split() for line in run(os.path.join(REPO, "monitor/jail/policy"), "--places").splitlines()]
table = {(path, name) for _, _, path, name in places}
# Which numbers there are, and their names.
numbers = set(re.findall(r"#define __NR_(\w+) \d", run("cc", "-E", "-dM", "-include", "asm/unistd_64.h", "-xc", "/dev/null")))
same(sorted({call for _, call, _, _ in places} - numbers), [], "the table's calls are the host's")

# A library's own symbols are not the C library's.
objects = sorted(glob.glob(os.path.join(BUILD, "monitor/libmonitor.a.p/*.c.o")))
own = {name for o in objects for name in re.findall(r"^\w+ [A-Z] (\w+)$", run("nm", o), re.M)} | {"r3_space_image", "r3_space_image_end"}
files = {os.path.join("monitor", os.path.basename(o)[:-2].replace("_", "/", 1)) for o in objects}
same(sorted(files), sorted(os.path.relpath(p, REPO) for p in glob.glob(os.path.join(REPO, "monitor/*/*.c"))),
     "all of the monitor's sources are looked at")
made = set()
for o in objects:
    path = os.path.join("monitor", os.path.basename(o)[:-2].replace("_", "/", 1))
    names = set(re.findall(r"^ +[Uw] (\w+)$", run("nm", o), re.M)) - own
    made |= {(path, re.sub("64$", "", name)) for name in names if re.sub("64$", "", name) not in PURE}
    made |= {(path, name) for name in re.findall(r"\bSYS_\w+", source(path))}
for pattern in ("space/*.[chS]", "kernel/arch/ring3/host/*.[chS]"):
    for path in glob.glob(os.path.join(REPO, pattern)):
        path = os.path.relpath(path, REPO)
        if path != "space/filter.inc.S":
            made |= {(path, name) for name in re.findall(r"\b__NR_\w+", source(path))}
same(sorted(made - table), [], "no call is made that the table does not have")
same(sorted(p for p in table - made if not re.search(rf"\b{p[1]}\b", source(p[0]))), [], "each is made where the table says")
# Instructions that make one, beside those of the host folder. Guest programs have the vDSO.
others = [path for path in glob.glob("kernel/arch/ring3/**/*.[chS]", root_dir=REPO, recursive=True)
          if not re.search("/(host|vdso)/", path) and
          re.search(r"^\s*(syscall|sysenter)\b|\basm\b\s*(volatile\s*)?\([^;]*\bsyscall\b|int\s+\$0x80", source(path), re.M)]
same(others, [], "the guest kernel makes them in its host folder only")
done()
