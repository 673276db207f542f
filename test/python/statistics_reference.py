"""Statistics of the cases in FOLDER/cases.json, by scipy or from the definitions; prints JSON.
Usage: statistics_reference.py FOLDER
"""

import itertools
import json
import math
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy import stats


def t_test(case):
    result = stats.ttest_rel(case["first"], case["second"])
    return {"t": float(result.statistic), "p": float(result.pvalue)}


def exact_wilcoxon(ranks, w):
    """Over all signs one by one, or by adding rank after rank to a table of sums where those are too many."""
    if len(ranks) <= 12:
        sums = [sum(chosen) for signs in itertools.product((0, 1), repeat=len(ranks))
                for chosen in [[r for r, s in zip(ranks, signs) if s]]]
        table = {s: sums.count(s) for s in set(sums)}
    else:
        table = {0.0: 1}
        for rank in ranks:
            shifted = {s + rank: count for s, count in table.items()}
            table = {s: table.get(s, 0) + shifted.get(s, 0) for s in table.keys() | shifted.keys()}
    lower = sum(count for s, count in table.items() if s <= w)
    upper = sum(count for s, count in table.items() if s >= w)
    return min(1.0, 2 * min(lower, upper) / 2 ** len(ranks))


def wilcoxon(case):
    differences = np.subtract(case["first"], case["second"])
    differences = differences[differences != 0]
    ranks = stats.rankdata(np.abs(differences))
    w = float(ranks[differences > 0].sum())
    n = len(differences)
    if n > 25:
        p = stats.wilcoxon(differences, method="asymptotic", correction=False).pvalue
    else:
        p = exact_wilcoxon(ranks.tolist(), w)
        if len(set(ranks)) == n:
            assert math.isclose(p, stats.wilcoxon(differences, method="exact").pvalue)
    return {"n": n, "w": w, "p": float(p)}


def describe(case):
    x = np.array(case["first"])
    return {"mean": float(np.mean(x)), "std": float(np.std(x, ddof=1))}


def bootstrap(case):
    """scipy's interval from the resamples that cmir drew."""
    result = stats.bootstrap(
        (case["values"],),
        np.mean,
        n_resamples=0,
        confidence_level=case["level"],
        method="BCa",
        bootstrap_result=SimpleNamespace(bootstrap_distribution=np.array(case["means"])),
    )
    return [float(end) for end in result.confidence_interval]


def holm(p):
    """The smallest level at which Holm's procedure rejects each, found for each alone."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    return [
        min(1.0, max((len(p) - k) * p[i] for k, i in enumerate(order) if p[i] <= p[j]))
        for j in range(len(p))
    ]


def main():
    cases = json.loads((Path(sys.argv[1]) / "cases.json").read_text())
    warnings.simplefilter("error")
    print(
        json.dumps(
            {
                "t": [t_test(case) for case in cases["pairs"]],
                "wilcoxon": [wilcoxon(case) for case in cases["pairs"]],
                "describe": [describe(case) for case in cases["pairs"]],
                "student": [2 * float(stats.t.sf(abs(t), df)) for t, df in cases["student"]],
                "normal": [2 * float(stats.norm.sf(abs(z))) for z in cases["normal"]],
                "quantile": [float(stats.norm.ppf(p)) for p in cases["quantile"]],
                "bootstrap": [bootstrap(case) for case in cases["bootstrap"]],
                "holm": [holm(p) for p in cases["holm"]],
            }
        )
    )


if __name__ == "__main__":
    main()
