"""How the cost of the main job grows with the country: results of benchmarks/country.py against their sizes.

    python -m benchmarks.country_growth RESULT.json RESULT.json ... [--plot FILE.svg]

A cost that is proportional to the companies has slope 1 in logarithms, a lesser slope has fixed costs in it, a greater
one grows faster than the data. The slope is fitted by least squares; R squared says how well the line fits. Between the
two largest sizes, where fixed costs weigh least, the slope is given as well. `--plot` needs matplotlib.
"""

import argparse
import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Costs = dict[str, list[float]]


def fitted(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Fit cost = factor * size ** slope by least squares in logarithms.

    Args:
        sizes: At least two different ones.
        costs: One a size, above 0.

    Returns:
        Slope and R squared; R squared is 1 where all costs are equal.
    """
    x, y = np.log(sizes), np.log(costs)
    slope, intercept = np.polyfit(x, y, 1)
    left, all_ = np.sum((y - slope * x - intercept) ** 2), np.sum((y - y.mean()) ** 2)
    return float(slope), 1.0 if all_ == 0 else float(1 - left / all_)


def costs_of(results: Sequence[Mapping[str, Any]], figure: str) -> Costs:
    """Gather a figure of each step over the results, by `part step`; steps that not all have are left out.

    Args:
        results: From benchmarks/country.py, by size.
        figure: An attribute of `Used`.
    """
    found = [
        {f"{step['part']} {step['name']}": float(step["used"][figure]) for step in result["steps"]}
        for result in results
    ]
    return {name: [each[name] for each in found] for name in found[0] if all(name in each for each in found)}


def table(sizes: Sequence[int], costs: Costs) -> list[str]:
    """Write costs as a Markdown table, a row a step, with the slopes.

    Args:
        sizes: Numbers of companies, growing.
        costs: By step, one a size.
    """
    heads = [*(f"{size:,}" for size in sizes), "slope", "R squared", "last slope"]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for name, values in costs.items():
        slope, fit = fitted(sizes, values)
        last, _ = fitted(sizes[-2:], values[-2:])
        figures = [*(f"{value:,.1f}" for value in values), f"{slope:.2f}", f"{fit:.3f}", f"{last:.2f}"]
        lines.append(f"| {name} | " + " | ".join(figures) + " |")
    return lines


def _draw(sizes: Sequence[int], costs: Costs, path: Path) -> None:
    try:
        new_figure = importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        raise SystemExit("--plot needs matplotlib; install it and run again") from None
    figure = new_figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.subplots()
    for (name, values), marker in zip(costs.items(), "osD^vP*Xd<>phH" * 2, strict=False):
        axes.loglog(sizes, values, marker=marker, color="black", linewidth=0.8, markersize=5, label=name)
    low = min(min(values) for values in costs.values())
    axes.loglog(sizes, [low * size / sizes[0] for size in sizes], ":", color="grey", label="proportional")
    axes.set(xlabel="companies", ylabel="seconds")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.grid(visible=True, linewidth=0.3)
    axes.legend(fontsize="small", frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Print the tables of seconds, processor seconds and peak memory, and draw the seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    results = sorted((json.loads(path.read_text()) for path in arguments.results), key=lambda each: each["companies"])
    sizes = [result["companies"] for result in results]
    if len(set(sizes)) != len(sizes) or len(sizes) == 1:
        raise SystemExit("give results of two or more different sizes")
    for figure in ("seconds", "processor_seconds", "peak_megabytes"):
        print(figure.replace("_", " "), "", *table(sizes, costs_of(results, figure)), "", sep="\n")
    if arguments.plot is not None:
        _draw(sizes, costs_of(results, "seconds"), arguments.plot)


if __name__ == "__main__":
    main()
