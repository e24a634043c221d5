# SPDX-License-Identifier: GPL-2.0-or-later
"""The ratios of a result as a picture."""
from . import tools
from .report import slowdown
from .systems import PLACES
from .tools import Problem


def bars(axes, rows, columns, title):
    """How many times slower than native each row is, a bar a column."""
    height = 0.8 / max(len(columns), 1)
    for i, column in enumerate(columns):
        values = [slowdown(r, r["cells"].get(column["id"])) for r in rows]
        places = [y + i * height for y, v in enumerate(values) if v]
        axes.barh(places, [v - 1 for v in values if v], height, left=1, label=column["title"])
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
        for place, words in PLACES.items():
            columns = [c for c in data["columns"] if c["place"] == place and c["system"] != "native"]
            rows = [r for r in part["rows"] if any(slowdown(r, r["cells"].get(c["id"])) for c in columns)]
            columns = [c for c in columns if any(r["cells"].get(c["id"]) for r in rows)]
            if rows:
                yield rows, columns, f"{part['title']}, {words}"


def draw(path, data):
    tools.install({"/usr/lib/python3/dist-packages/matplotlib/__init__.py": "python3-matplotlib"})
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as why:
        raise Problem("no plot without matplotlib: apt-get install python3-matplotlib") from why

    todo = list(panels(data))
    if not todo:
        raise Problem("nothing to plot: a plot needs native and another system")
    sizes = [1 + 0.16 * len(rows) * (len(columns) + 1) for rows, columns, _ in todo]
    fig, axes = pyplot.subplots(len(todo), squeeze=False, figsize=(9, sum(sizes) + len(todo)),
                                gridspec_kw={"height_ratios": sizes})
    for panel, (rows, columns, title) in zip(axes[:, 0], todo):
        bars(panel, rows, columns, title)
    fig.tight_layout()
    fig.savefig(path, dpi=120)
    pyplot.close(fig)
