#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# fs/jail.table against the sources of ring3-fs: each call is made where it says, and the
# server makes no other, neither by a number nor by a function of the C library.
import glob
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

REPO, BUILD = os.environ["REPO"], os.environ["BUILD"]
# What makes no call, or is in the table as the C library's.
PURE = set("""__assert_fail __errno_location __isoc99_sscanf __stack_chk_fail _GLOBAL_OFFSET_TABLE_ calloc free malloc memcmp
memcpy memmove memset realloc snprintf sprintf strchr strcmp strdup strerror strlen strncmp strnlen strtoul strcpy syscall vsnprintf
gnu_dev_major gnu_dev_minor pthread_cond_broadcast pthread_cond_init pthread_cond_signal pthread_cond_timedwait pthread_cond_wait
pthread_mutex_destroy pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock pthread_rwlock_rdlock pthread_rwlock_unlock
pthread_rwlock_wrlock __sprintf_chk __snprintf_chk __memcpy_chk __vsnprintf_chk stpcpy __strcpy_chk strrchr""".split())
# Before the lists are closed.
START = {("fs/queue.c", n) for n in ("epoll_create1", "eventfd", "pthread_create", "read")}
# Of the table's names what the preprocessor has, and functions by their other names.
ALIAS = {"open64": "open", "openat64": "openat", "preadv64": "preadv", "pwritev64": "pwritev", "pwritev64v2": "pwritev2",
         "fstat64": "fstat", "fstatat64": "fstatat", "ftruncate64": "ftruncate", "fallocate64": "fallocate", "lseek64": "lseek",
         "fcntl64": "fcntl", "fstatfs64": "fstatfs", "mmap64": "mmap"}


def run(*cmd):
    return subprocess.run(cmd, stdout=subprocess.PIPE, check=True, text=True).stdout


def source(path):
    with open(os.path.join(REPO, path), encoding="utf-8") as f:
        return re.sub(r"/\*.*?\*/|//[^\n]*", " ", f.read(), flags=re.S)


loader = importlib.machinery.SourceFileLoader("policy", os.path.join(REPO, "monitor/jail/policy"))
loader.exec_module(policy := importlib.util.module_from_spec(importlib.util.spec_from_loader("policy", loader)))
entries = policy.read(os.path.join(REPO, "fs/jail.table"))
places = {tuple(p) for e in entries for p in e.places if p and p[0] != "libc"} - {("",)}
same(sorted(p for p in places if not re.search(rf"\b{p[1]}\b", source(p[0]))), [], "each call is made where the table says")
# "fcntl" is in it by what it is asked for.
names = {p[1] for p in places} | {e.call for e in entries}
made = set()
objects = sorted(o for o in glob.glob(os.path.join(BUILD, "fs/libring3fs.a.p/*.c.o")) + glob.glob(os.path.join(BUILD, "fs/libring3fs.a.p/.*.c.o")))
own = {name for o in objects for name in re.findall(r"^\w+ [A-Z] (\w+)$", run("nm", o), re.M)}
count = 0
for o in objects:
    path = "fs/" + os.path.basename(o)[:-2]
    if not os.path.exists(os.path.join(REPO, path)):
        continue
    count += 1
    for name in set(re.findall(r"^ +[Uw] (\w+)$", run("nm", o), re.M)) - own - PURE:
        made.add((path, ALIAS.get(name, name)))
    made |= {(path, name) for name in re.findall(r"\bSYS_\w+", source(path))}
same(sorted(m for m in made - START if m[1] not in names and m[1].removeprefix("SYS_") not in names), [], "no call is made that the table does not have")
ok(count == len(glob.glob(os.path.join(REPO, "fs/*.c"))) - 4, "all sources but jail.c, hide_start.c, filter.c and main.c are looked at", count)
bits = [a for e in entries if e.call in ("chmod", "mkdirat", "openat") for a in e.args if a.startswith("&0")]
same(bits, ["&0777"] * 3, "no mode has a special bit")
done()
