#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# ring3 image: what it makes, and what it refuses to spoil.
import fcntl
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fileslib import *


def does(what, *words):
    r = image(*words)
    ok(r.returncode == 0, what, r)
    return r


def refused(what, words, *args, status=1):
    r = image(*args)
    ok(r.returncode == status and r.stderr.count("\n") == 1 and all(w in r.stderr for w in words), what, r)


base, over, other = path("base.qcow2"), path("over.qcow2"), path("other.qcow2")
does("an image is made", "create", base, "64M")
does("and an overlay", "create", "--base", base, over)
does("and another, larger one", "create", other, "128M", "--base", base)
info = json.loads(image("info", "--json", other).stdout)
same([(i["file"], i["format"]) for i in info], [(other, "qcow2"), (base, "qcow2")], "what they are made of")
same(info[0]["size"], 128 << 20, "and how large they are")
ok("over " + base in image("info", over).stdout, "in words, too")
same(image("check", over).stdout, f"{over}: in order\n", "one in order")
does("a raw image", "create", path("a.img"), "1M")
same(os.path.getsize(path("a.img")), 1 << 20, "is as large as its disk")

# What is in an overlay, in a guest's way: by another program that writes to it.
subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", over], check=True, stdout=subprocess.DEVNULL)
refused("an image that exists is not made again", ["exists already"], "create", over, "1M")
refused("one without a size", ["give its size"], "create", path("b.qcow2"))
refused("a size that is none", ["give a size"], "create", path("b.qcow2"), "big")
refused("an overlay smaller than its base", ["smaller than its base"], "create", "--base", base, path("b.qcow2"), "32M")
refused("a raw overlay", ["has the format qcow2"], "create", "--base", base, path("b.img"))
refused("a base that is missing", ["does not exist"], "create", "--base", path("no.img"), path("b.qcow2"))
refused("an image that is missing", ["does not exist"], "info", path("no.img"))
refused("an image of another format", ["is not of format vhdx"], "check", "--format", "vhdx", over)
refused("nothing to commit to", ["is no overlay"], "commit", base)
refused("a smaller size", ["would be lost"], "resize", base, "32M")
refused("a check of a raw image", ["nothing to check"], "check", path("a.img"))
refused("an unknown word", ["unknown word"], "make", status=125)
refused("a word too many", ["unexpected word"], "info", base, over, status=125)
ok(not os.path.exists(path("b.qcow2")) and not os.path.exists(path("b.img")), "and nothing was made")

p = subprocess.Popen(["qemu-io", "-f", "qcow2", over], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
p.stdin.write(b"read 0 512\n")
p.stdin.flush()
p.stdout.readline()
for words in (["commit", over], ["resize", over, "256M"], ["check", over], ["convert", over, path("c.img")]):
    refused(f"{words[0]} of an image in use", ["by another guest or program"], *words)
ok(image("info", over).returncode == 0, "which can be looked at")
refused("a base in use is not written to", ["in use"], "resize", base, "1G")
p.communicate()

same(image("commit", over).returncode, 0, "an overlay is written to its base")
r = subprocess.run(["qemu-io", "-f", "qcow2", "-c", "read -P 7 0 1M", base], stdout=subprocess.PIPE, text=True)
ok(r.returncode == 0 and "failed" not in r.stdout, "which has it", r)
ok(image("info", over).stderr == "", "and is right for that overlay")
ok("which was changed since" in image("info", other).stderr, "but not for another")
refused("which is not written to it", ["which was changed since"], "commit", other)
refused("nor converted", ["which was changed since"], "convert", other, path("c.img"))
does("a conversion", "convert", over, path("c.img"))
with open(path("c.img"), "rb") as f:
    same(f.read(1 << 20), b"\7" * (1 << 20), "has all of it, from the base too")
does("a larger size", "resize", path("c.img"), "80M")
same(os.path.getsize(path("c.img")), 80 << 20, "is that")
does("a smaller one, if it is meant", "resize", "--shrink", path("c.img"), "4M")

with open(over, "r+b") as f:
    f.seek(0x30000)
    head = f.read(8)
    f.seek(3 << 16)
    f.write(b"\x80\0\0\0\0\xff\xff\0" * 64)
r = image("check", over)
ok(r.returncode == 1 and r.stderr.count("\n") == 1, "damage is found", r)
same([f for f in os.listdir(TMP) if f.count(".") > 1 and not f.endswith(".base")], [], "nothing half done is left")
done()
