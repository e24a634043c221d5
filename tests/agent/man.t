#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual says what --help says, in the same words.
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

man = os.path.join(os.environ.get("REPO", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")), "man")


def plain(text):
    text = re.sub(r"\\f[BIR]", "", text).replace("\\-", "-").replace("\\e", "\\")
    text = re.sub(r"^\.\S+ ?", "", text, flags=re.M)
    return " ".join(text.replace(",", " ").split())


with open(os.path.join(man, "ring3.1")) as f:
    top = plain(f.read())
for sub in ("run", "ps", "exec", "cp", "console", "stop", "attach", "detach", "pause", "debug", "dump", "create", "start", "restart", "logs", "wait", "rm", "kill", "rename", "systemd", "set", "stats", "top", "events", "api", "doctor", "roots",
            "up", "down", "status", "web",
            "net add", "net rm", "net ls", "net set", "net stats", "net capture",
            "kernel build", "kernel list", "kernel rm", "kernel port", "kunit", "selftest",
            *(f"image {word}" for word in ("create", "info", "check", "commit", "resize", "convert"))):
    with open(os.path.join(man, f"ring3-{sub.split()[0]}.1")) as f:
        page = plain(f.read())
    text = run(*sub.split(), "--help").stdout.decode()
    for part in re.split(r"\n\n|\n(?=  (?:-\w, |    )--)", text[text.index("\n\n"):]):
        words = plain(part).removeprefix("Options:").strip()
        words = re.sub(r"^Exit status: \w", lambda m: m.group()[-1].upper(), words)
        # Which are those of run.
        if words and not (sub == "create" and part.lstrip().startswith("-")):
            ok(words in page, f"ring3-{sub}.1: {words[:50]}", words)
for line in run("--help").stdout.decode().split("Subcommands:\n")[1].split("\n\n")[0].splitlines():
    ok(plain(line.split(None, 1)[1]) in top and f"ring3-{line.split()[0]} (1)" in top, f"ring3.1: {line.strip()}")
done()
