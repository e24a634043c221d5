# SPDX-License-Identifier: GPL-2.0-or-later
"""What both benchmarks need: packages, compiling, medians, the machine's facts."""
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REPO = os.path.dirname(BENCH)


class Problem(Exception):
    """Something the user has to know or do; one sentence."""


START = time.monotonic()


def note(text):
    seconds = int(time.monotonic() - START)
    print(f"bench: {seconds // 60:3}:{seconds % 60:02} {text}", file=sys.stderr, flush=True)


def install(packages):
    """Installs those of {probe file or command: package} that are missing. May
    leave some out: the caller looks again."""
    missing = [p for probe, p in packages.items()
               if not (os.path.exists(probe) if "/" in probe else shutil.which(probe))]
    if not missing:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        note(f"not installed, and only root can do that here: {' '.join(missing)}")
        return
    note(f"installing {' '.join(missing)}")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    subprocess.run(["apt-get", "-q", "update"], env=env, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    for package in missing:
        done = subprocess.run(["apt-get", "-q", "install", "-y", "--no-install-recommends", package],
                              env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            note(f"{package} cannot be installed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")


def fetch(*words):
    """What lib/fetch.sh prints: it makes or downloads what is not in the cache yet."""
    done = subprocess.run([os.path.join(BENCH, "lib/fetch.sh"), *words], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        raise Problem(f"{words[0]} is not there and cannot be made: the reason is above")
    return done.stdout.strip()


def compile_static(output, sources, *flags):
    if not shutil.which("gcc"):
        raise Problem("gcc is not installed: apt-get install gcc libc6-dev")
    done = subprocess.run(["gcc", "-O2", "-static", *flags, "-o", output, *sources],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"{os.path.basename(output)} does not compile: {done.stderr.strip()}")
    return output


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def spread(values):
    """Median, least, most and how many, or None."""
    values = [v for v in values if v is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "n": len(values)}


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"cpu": model, "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "load": os.getloadavg()[0]}


def commit():
    done = subprocess.run(["git", "-C", REPO, "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def write_json(path, data):
    with open(path, "w", encoding="ascii") as out:
        json.dump(data, out, indent=1)
        out.write("\n")


def show(value, digits=3):
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def table(head, rows):
    """A table as text: first column to the left, the others to the right."""
    cells = [head] + rows
    widths = [max(len(r[i]) for r in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        lines.append("  ".join(c.ljust(w) if not i else c.rjust(w)
                               for i, (c, w) in enumerate(zip(row, widths))).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def markdown_table(head, rows):
    lines = [f"| {' | '.join(cells)} |" for cells in [head] + rows]
    lines.insert(1, "| --- |" + " ---: |" * (len(head) - 1))
    return "\n".join(lines)
