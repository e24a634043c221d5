#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 600
# tags: slow
# A package is installed in a guest, by the mirror that this host's apt has: over
# the NAT, with rules that name the mirror only, and with rules that do not.
import os
import re
import shutil
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

if not shutil.which("apt-get"):
    skip_all("host: no apt")
# What the guest's own root disk has: the mirrors that it was made from.
sources = guest("--net", "none", *sh("cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null")).stdout.decode()
mirrors = sorted({urllib.parse.urlsplit(word).hostname for word in sources.split() if word.startswith("http")})
proxies = [v for n, v in os.environ.items() if n.lower() in ("http_proxy", "https_proxy")]
first = next((line.split() for line in sources.splitlines() if re.match(r"deb http\S+ \S+ ", line)), None)
if not first:
    skip_all("host: the root disk has no mirror")
subprocess.run(["/usr/lib/apt/apt-helper", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=20", "download-file",
                f"{first[1].rstrip('/')}/dists/{first[2]}/InRelease", os.path.join(TMP, "InRelease")],
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
if not os.path.exists(os.path.join(TMP, "InRelease")):
    skip_all("host: its apt reaches no mirror")
INSTALL = "apt-get -q update && apt-get -q install -y hello && hello"

r = run("run", "--timeout", "200", "--mem", "1G", *sh(INSTALL), timeout=260)
ok(r.returncode == 0 and b"Hello, world!" in r.stdout, "apt-get update && apt-get install -y hello && hello", r.stdout[-2000:], r.stderr[-2000:])

dump = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE).stdout.decode()
allow = mirrors + [urllib.parse.urlsplit(m).netloc.split("@")[-1] for m in proxies + re.findall(r'Acquire::https?::Proxy "(http[^"]*)"', dump)]
log = os.path.join(TMP, "log")
r = run("run", "--timeout", "200", "--egress", ",".join(allow), "--net-log", log, *sh(INSTALL), timeout=260)
ok(r.returncode == 0 and b"Hello, world!" in r.stdout, "the same with --egress naming only the mirror", r.stdout[-2000:], r.stderr[-2000:])
with open(log) as f:
    ok(any(m in f.read() for m in allow), "the log has its connections")
os.unlink(log)
r = run("run", "--timeout", "100", "--egress", "example.invalid", "--net-log", log, *sh("apt-get -q update -o Acquire::Retries=0 2>&1; apt-get -q install -y hello"), timeout=160)
ok(r.returncode and b"Hello" not in r.stdout and b"Could not resolve" in r.stdout + r.stderr, "with another rule it fails, and says why", r.stdout[-2000:], r.stderr[-2000:])
with open(log) as f:
    text = f.read()
ok('"refused"' in text and any(m in text for m in mirrors), "and the log has the refusal", text[:2000])
done()
