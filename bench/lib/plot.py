# SPDX-License-Identifier: GPL-2.0-or-later
"""The ratios of bench/run as a picture."""
from . import tools
from .tools import Problem


def slowdown(line, cell):
    """How many times slower than native, whatever the unit."""
    ratio = cell.get("ratio") if cell else None
    if not ratio:
        return None
    return ratio if line["unit"] == "us" else 1 / ratio


def draw(path, data):
    tools.install({"/usr/lib/python3/dist-packages/matplotlib/__init__.py": "python3-matplotlib"})
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as why:
        raise Problem("no plot without matplotlib: apt-get install python3-matplotlib") from why

    rows = [r for r in data["rows"] if r["systems"].get("native")]
    names = [s for s in data["systems"] if s != "native"]
    height = 0.8 / max(len(names), 1)
    fig, axes = pyplot.subplots(figsize=(9, 1.5 + 0.16 * len(rows) * (len(names) + 1)))
    for i, name in enumerate(names):
        values = [slowdown(r, r["systems"].get(name)) for r in rows]
        places = [y + i * height for y, v in enumerate(values) if v]
        axes.barh(places, [v - 1 for v in values if v], height, left=1, label=name)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks([y + 0.4 - height / 2 for y in range(len(rows))], [r["name"] for r in rows])
    axes.set_ylim(len(rows), -height)
    axes.set_xlabel("times slower than native (left of 1: faster)")
    axes.legend(loc="lower right")
    axes.grid(axis="x", linewidth=0.3)
    fig.tight_layout()
    fig.savefig(path, dpi=120)
