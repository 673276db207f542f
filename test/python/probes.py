"""Probes of codes by numpy, for test/experiments/probes: a file of JSON in, JSON out.

In: problems, each with "kind" (ridge, classes, shares) and the matrices it needs as lists of rows.
Out: for each a number, or for shares a list of numbers.
"""

import json
import sys

import numpy as np

STRENGTH = 1e-3


def standardised(x, mean, std):
    varies = std > 1e-6 * np.abs(x).max(axis=0)
    return np.divide(x - mean, std, out=np.zeros_like(x), where=varies)


def ridge(fit, known, held):
    """Predictions of the penalised least squares: an ordinary one with a row more a column."""
    mean, std = fit.mean(axis=0), fit.std(axis=0)
    s = standardised(fit, mean, std)
    penalty = np.sqrt(STRENGTH * len(fit)) * np.eye(s.shape[1])
    left = np.vstack([s, penalty])
    right = np.vstack([known - known.mean(axis=0), np.zeros((s.shape[1], known.shape[1]))])
    weights = np.linalg.lstsq(left, right, rcond=None)[0]
    return known.mean(axis=0) + standardised(held, mean, std) @ weights


def r2(predictions, wanted):
    residual = ((wanted - predictions) ** 2).sum(axis=0)
    total = ((wanted - wanted.mean(axis=0)) ** 2).sum(axis=0)
    return float(np.mean(1 - residual[total > 0] / total[total > 0]))


def explained(codes, factors):
    design = np.hstack([np.ones((len(codes), 1)), factors])
    residual = codes - design @ np.linalg.lstsq(design, codes, rcond=None)[0]
    return 1 - (residual**2).sum() / ((codes - codes.mean(axis=0)) ** 2).sum()


def solve(problem):
    matrices = {name: rows for name, rows in problem.items() if name not in ("kind", "groups")}
    m = {name: np.array(rows, float) for name, rows in matrices.items()}
    if problem["kind"] == "shares":
        groups = [np.array(rows, float) for rows in problem["groups"]]
        totals = [explained(m["codes"], np.hstack(groups[: g + 1])) for g in range(len(groups))]
        return np.diff([0, *totals]).tolist()
    predictions = ridge(m["fit"], m["known"], m["held"])
    if problem["kind"] == "ridge":
        return r2(predictions, m["wanted"])
    return float((predictions.argmax(axis=1) == m["wanted"].argmax(axis=1)).mean())


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(json.dumps([solve(problem) for problem in json.load(file)]))
