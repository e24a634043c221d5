# SPDX-License-Identifier: GPL-2.0-or-later
"""What ring3 is to reach, beside what a run measured. A goal whose rows were not
measured is not in the table; one that is missed does not fail the run."""
from . import growth
from .report import MORE_IS_BETTER
from .systems import OURS
from .tools import show

EITHER = ("ring3@free", "ring3-2@free")
# row, column of ring3, what is looked at ("x": ratio to native, "": the value), limit, where more is better
GOALS = (
    ("getppid", "ring3@free", "x", 6), ("clock_gettime", "ring3@free", "x", 1.2),
    ("anon_fault_page", "ring3@free", "x", 1.5), ("file_fault_page", "ring3@free", "", 0.5),
    ("fork_exit_wait", "ring3@free", "x", 3), ("fork_exec_wait_static", "ring3@free", "x", 3),
    ("sh_c_true", "ring3@free", "x", 3), ("mmap_touch4_munmap", "ring3@free", "x", 5),
    ("signal", "ring3@free", "x", 3), ("pthread_create_join", "ring3@free", "x", 3),
    ("pipe_pingpong", "ring3@free", "x", 4),
    ("tcp_loopback", "ring3@free", "x", 0.7), ("unix_stream", "ring3@free", "x", 0.7),
    ("memcpy", "ring3@free", "x", 0.97), ("compute_1000", "ring3@free", "x", 1 / 0.97),
    ("compute_fp_1000", "ring3@free", "x", 1 / 0.97),
    ("two_threads_speedup", "ring3-2@free", "", 1.9),
    ("boot_pid1", "ring3@free", "", 60), ("boot_debian_shell", "ring3@free", "", 300),
    ("idle_pss", "ring3@free", "", 32),
    ("shell_script", "ring3@free", "x", 2.5),
    ("build_j2", "ring3-2@free", "x", 1.5),
    # Client and server: --cpus 2, or one vCPU and a CPU to spare, whichever does more.
    ("pgbench_select", EITHER, "x", 0.5), ("pgbench_tpcb", EITHER, "x", 0.5),
    ("redis_set", EITHER, "x", 0.5), ("redis_get", EITHER, "x", 0.5),
    ("build_j2_speedup", "ring3-2@free", "", 1.7),
)
KNEE = 2
# What says it has flushed and has not: its driver makes no call that would, by a count of
# fsync and fdatasync in a run of fio.
FLUSHES_NOTHING = ("uml",)


def cell(rows, name, column):
    return (rows[name]["cells"].get(column) if name in rows else None) or {}


def line(what, limit, value, more):
    met = value >= limit if more else value <= limit
    return [what, ("≥ " if more else "≤ ") + show(limit), show(value), "yes" if met else "no"]


def against_limits(rows):
    for name, column, look, limit in GOALS:
        if column is EITHER:
            column = max(EITHER, key=lambda c: cell(rows, name, c).get("ratio") or 0)
        value = cell(rows, name, column).get("ratio" if look else "median")
        if value is not None:
            unit = rows[name]["unit"]
            what = f"{name}, × native" if look else f"{name}, {unit}"
            yield line(f"{what} ({column})", limit, value, unit in MORE_IS_BETTER)
    guest, native = (cell(rows, "process_pss", c).get("median") for c in ("ring3@free", "native@free"))
    if guest is not None and native is not None:
        yield line("process_pss over native, KB (ring3@free)", 200, guest - native, False)
    ours, uml = (cell(rows, "getppid", c).get("median") for c in ("ring3@one", "uml@one"))
    if ours and uml:
        yield line("getppid, × UML (ring3@one)", 0.5, ours / uml, False)


def against_peers(part, columns):
    """Each workload against the best of the peers in the same place, which have all CPUs there."""
    for place in ("free", "one"):
        peers = [c for c in columns if c["place"] == place and c["system"] not in OURS]
        titles = {c["id"]: c["title"] for c in columns}
        for row in part["rows"]:
            more = row["unit"] in MORE_IS_BETTER
            pick = max if more else min
            alike = [c["id"] for c in peers
                     if not (row["name"].endswith("_flush") and c["system"] in FLUSHES_NOTHING)]
            ours, best = ([(row["cells"][c]["median"], c) for c in ids if row["cells"].get(c)]
                          for ids in ((f"ring3@{place}", f"ring3-2@{place}"), alike))
            if ours and best:
                (ours, mine), (best, peer) = pick(ours), pick(best)
                yield line(f"{row['name']}, × the best peer, {titles[peer]} ({mine})", 1, ours / best, more)


def table(data):
    """The table as a part's extra table has it, or None."""
    rows = {row["name"]: row for part in data["parts"] for row in part["rows"]}
    lines = list(against_limits(rows))
    for part in data["parts"]:
        if part["name"] == "workloads":
            lines += against_peers(part, data["columns"])
        elif part["name"] == "growth":
            for what, steps in growth.knees(part["rows"], data["columns"]):
                if "ring3" in steps:
                    lines.append(line(f"worst step: {what}", KNEE, steps["ring3"], False))
    return {"title": "Goals", "head": ["", "limit", "here", "reached"], "rows": lines} if lines else None
