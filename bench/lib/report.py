# SPDX-License-Identifier: GPL-2.0-or-later
"""A result as Markdown, and as a table for a terminal."""
from . import tools
from .systems import PLACES
from .tools import show

MORE_IS_BETTER = ("MB/s", "x", "1/s", "IOPS")


def slowdown(row, cell):
    """How many times slower than native, whatever the unit."""
    ratio = cell.get("ratio") if cell else None
    if not ratio or ratio < 0 or not row["unit"]:
        return None
    return 1 / ratio if row["unit"] in MORE_IS_BETTER else ratio


def grid(rows, columns):
    """Head and lines: a value a column, and its ratio to native."""
    compared = {c["id"] for c in columns if c["system"] != "native" and
                any((r["cells"].get(c["id"]) or {}).get("ratio") for r in rows)}
    head, lines = ["", "unit"], []
    for column in columns:
        head.append(column["title"])
        if column["id"] in compared:
            head.append("×")
    for row in rows:
        line = [row["name"], row["unit"]]
        for column in columns:
            cell = row["cells"].get(column["id"])
            line.append(show(cell["median"] if cell else None))
            if column["id"] in compared:
                line.append(show(cell.get("ratio") if cell else None))
        if any(w != "-" for w in line[2:]):
            lines.append(line)
    return head, lines


def headline(data):
    facts = data["machine"]
    return (f"{facts['cpu']}, {facts['cpus']} CPUs, Linux {facts['kernel']}, load {facts['load']:.1f} before, "
            f"{data['commit']}, {data['date']}; medians, × is against native in the same place")


def document(data, table, heading):
    out = [headline(data)]
    for part in data["parts"]:
        for place, words in PLACES.items():
            columns = [c for c in data["columns"] if c["place"] == place and
                       any(r["cells"].get(c["id"]) for r in part["rows"])]
            if not columns or part.get("tables"):
                continue
            head, lines = grid(part["rows"], columns)
            if lines:
                out += ["", heading(f"{part['title']}, {words}"), "", table(head, lines)]
        for extra in part.get("tables", []):
            out += ["", heading(extra["title"]), "", table(extra["head"], extra["rows"])]
    if data.get("goals"):
        out += ["", heading(data["goals"]["title"]), "", table(data["goals"]["head"], data["goals"]["rows"])]
    if data["missing"]:
        out += ["", heading("Not here"), ""] + [f"- {name}: {why}" for name, why in data["missing"].items()]
    if data["failures"]:
        out += ["", heading("Failed"), ""] + [f"- {name}: {why}" for name, why in data["failures"].items()]
    return "\n".join(out) + "\n"


def text(data):
    return document(data, tools.table, lambda title: f"{title}:")


def markdown(data):
    return "# Benchmarks of ring3\n\n" + document(data, tools.markdown_table, lambda title: f"## {title}")
