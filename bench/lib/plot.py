# SPDX-License-Identifier: GPL-2.0-or-later
"""The ratios of a result as a picture."""
import os

from . import growth, tools
from .report import slowdown
from .systems import PLACES, SYSTEMS
from .tools import Problem


def colour(column):
    """The same one for a system wherever it appears."""
    known = list(SYSTEMS)
    return f"C{known.index(column['system']) if column['system'] in known else len(known)}"


def bars(axes, rows, columns, title):
    """How many times slower than native each row is, a bar a column."""
    height = 0.8 / max(len(columns), 1)
    for i, column in enumerate(columns):
        values = [slowdown(r, r["cells"].get(column["id"])) for r in rows]
        places = [y + i * height for y, v in enumerate(values) if v]
        axes.barh(places, [v - 1 for v in values if v], height, left=1, label=column["title"],
                  color=colour(column))
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks([y + 0.4 - height / 2 for y in range(len(rows))], [r["name"] for r in rows])
    axes.set_ylim(len(rows), -height)
    axes.set_xlabel("times slower than native (left of 1: faster)")
    axes.set_title(title)
    axes.legend(loc="lower right")
    axes.grid(axis="x", linewidth=0.3)


def panels(data):
    for part in data["parts"]:
        if part["name"] == "growth":
            continue
        for place, words in PLACES.items():
            columns = [c for c in data["columns"] if c["place"] == place and c["system"] != "native"]
            rows = [r for r in part["rows"] if any(slowdown(r, r["cells"].get(c["id"])) for c in columns)]
            columns = [c for c in columns if any(r["cells"].get(c["id"]) for r in rows)]
            if rows:
                yield rows, columns, f"{part['title']}, {words}"


def lines(axes, series, op, grid):
    """The cost of one page or process by how many there are: flat is linear."""
    sizes = growth.SIZES[series]
    for column, values in grid:
        points = [(i, v) for i, v in enumerate(values) if v]
        axes.plot([i for i, _ in points], [v for _, v in points], marker=".", label=column["title"],
                  color=colour(column))
    axes.set_yscale("log")
    axes.set_xticks(range(len(sizes)), sizes, fontsize=6)
    axes.set_title(growth.title(series, op), fontsize=6)
    axes.grid(linewidth=0.3)


def draw(path, data):
    """The ratios into path; growth, if it was measured, into NAME-growth.png beside it."""
    tools.install({"/usr/lib/python3/dist-packages/matplotlib/__init__.py": "python3-matplotlib"})
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as why:
        raise Problem("no plot without matplotlib: apt-get install python3-matplotlib") from why

    todo = list(panels(data))
    grown = [s for part in data["parts"] if part["name"] == "growth"
             for s in growth.series_of(part["rows"], data["columns"])]
    if not todo and not grown:
        raise Problem("nothing to plot: a plot needs native and another system")
    if todo:
        sizes = [1 + 0.16 * len(rows) * (len(columns) + 1) for rows, columns, _ in todo]
        fig, axes = pyplot.subplots(len(todo), squeeze=False, figsize=(9, sum(sizes) + len(todo)),
                                    gridspec_kw={"height_ratios": sizes})
        for panel, (rows, columns, title) in zip(axes[:, 0], todo):
            bars(panel, rows, columns, title)
        fig.tight_layout()
        fig.savefig(path, dpi=120)
        pyplot.close(fig)
    if grown:
        fig, axes = pyplot.subplots((len(grown) + 3) // 4, 4, squeeze=False, figsize=(13, 2.4 * ((len(grown) + 3) // 4)))
        for panel, one in zip(axes.flat, grown):
            lines(panel, *one)
        for panel in list(axes.flat)[len(grown):]:
            panel.set_axis_off()
        axes[0, 0].legend(fontsize=6)
        fig.tight_layout()
        base, ext = os.path.splitext(path)
        fig.savefig(f"{base}-growth{ext or '.png'}", dpi=110)
        pyplot.close(fig)
