# SPDX-License-Identifier: GPL-2.0-or-later
"""Does cost grow as work grows? Tables of the cost of one page or process by
how many there are (micro/growth.c), and the worst step up in each."""
from . import measure
from .tools import show

SIZES = {
    "dense": [f"{n}M" for n in (1, 4, 16, 64, 256)],
    "sparse": [f"{n}M" for n in (16, 64, 256, 1024, 2048, 4096, 8192)],
    "vmas": [str(n) for n in (100, 1000, 10000, 30000)],
    "processes": [str(n) for n in (1, 10, 100, 1000)],
}
WHAT = {
    "dense": "every page of a mapping, µs a page",
    "sparse": "one page in 128 KiB of a mapping, µs a page",
    "vmas": "pages that are mappings of their own, µs a page",
    "processes": "sleeping processes, µs a process",
}
OPERATIONS = {"processes": ("start", "one_more", "end")}
PAGES = ("fault", "fork", "exit", "munmap")
ROWS = tuple(f"{op}_{series}_{size}" for series in SIZES for op in OPERATIONS.get(series, PAGES)
             for size in SIZES[series])


def run(args, chosen, results):
    words = ["-G" if args.scale == "smoke" else "-g"]
    place = args.places[0]		# sizes are compared here, not places
    for _, column in measure.in_turn([c for c in chosen if c.place == place], args.growth_rounds, "growth"):
        lines, why = measure.run_once(column.micro(words), args.timeout)
        results.take(column, lines, why, "growth")


def knee(values):
    """The most that a value is above the least of those before it."""
    worst, least = None, None
    for value in values:
        if value is None:
            continue
        if least is not None:
            worst = max(worst or 0, value / least)
        least = value if least is None else min(least, value)
    return worst


def series_of(rows, columns):
    """(series, operation, [(column, medians by size)]) for all that was measured."""
    cells = {row["name"]: row["cells"] for row in rows}
    columns = [c for c in columns if any(row["cells"].get(c["id"]) for row in rows)]
    for series, sizes in SIZES.items():
        for op in OPERATIONS.get(series, PAGES):
            grid = [(c, [((cells.get(f"{op}_{series}_{size}") or {}).get(c["id"]) or {}).get("median")
                         for size in sizes]) for c in columns]
            if any(value is not None for _, values in grid for value in values):
                yield series, op, grid


def title(series, op):
    return f"{op.replace('_', ' ')}: {WHAT[series]}"


def knees(rows, columns):
    """(title, {system: worst step}) for each operation of each series."""
    for series, op, grid in series_of(rows, columns):
        yield title(series, op), {c["system"]: knee(values) for c, values in grid if knee(values)}


def tables(rows, columns):
    """A table for each operation of each series: sizes down, columns across."""
    for series, op, grid in series_of(rows, columns):
        lines = [[size] + [show(values[i]) for _, values in grid] for i, size in enumerate(SIZES[series])
                 if any(values[i] is not None for _, values in grid)]
        lines.append(["worst step ×"] + [show(knee(values)) for _, values in grid])
        yield {"title": f"Growth, {title(series, op)}", "head": [""] + [c["title"] for c, _ in grid], "rows": lines}


def part(rows, columns):
    return {"name": "growth", "title": "Growth", "rows": rows, "tables": list(tables(rows, columns))}
