"""Metrics of the cases in FOLDER, from the field's definitions by numpy and scikit-learn; prints JSON.
cases.json names the numbers of each case in values.bin, little-endian float64. Usage: metrics_reference.py FOLDER
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, f1_score


def f1(true, predicted, average="weighted"):
    return f1_score(true, predicted, average=average, zero_division=0)


def mae(p, t):
    with np.errstate(over="ignore"):
        value = np.mean(np.abs(p - t))
    return value if np.isfinite(value) else None


def corr(p, t):
    if np.all(p == p[0]) or np.all(t == t[0]):
        return None
    # Pearson's has no unit; as they are, the squares of huge or tiny values leave float64.
    return np.corrcoef(p / np.abs(p).max(), t / np.abs(t).max())[0, 1]


def graded(p, t, limit):
    return np.mean(np.rint(np.clip(p, -limit, limit)) == np.rint(np.clip(t, -limit, limit)))


def mosi(p, t, swapped=False):
    """MMSA, __eval_mosei_regression; F1 with its arguments swapped: as before April 2021."""
    some = t != 0
    weighted = (lambda true, predicted: f1(predicted, true)) if swapped else f1
    on_some = bool(some.any())
    return {
        "Has0_acc_2": accuracy_score(t >= 0, p >= 0),
        "Has0_F1_score": weighted(t >= 0, p >= 0),
        "Non0_acc_2": accuracy_score(t[some] > 0, p[some] > 0) if on_some else None,
        "Non0_F1_score": weighted(t[some] > 0, p[some] > 0) if on_some else None,
        "Mult_acc_5": graded(p, t, 2),
        "Mult_acc_7": graded(p, t, 3),
        "MAE": mae(p, t),
        "Corr": corr(p, t),
    }


def non_zero(p, t):
    """What ITHP and GAL share: neutral targets left out, 0 predicted is positive."""
    some = t != 0
    p, t = p[some], t[some]
    if len(t) == 0:
        return dict.fromkeys(["Non0_acc_2", "Non0_F1_score", "MAE", "Corr"])
    return {
        "Non0_acc_2": accuracy_score(t >= 0, p >= 0),
        "Non0_F1_score": f1(t >= 0, p >= 0),
        "MAE": mae(p, t),
        "Corr": corr(p, t),
    }


def gal(p, t):
    common = non_zero(p, t)
    return {
        "Non0_acc_2": common["Non0_acc_2"],
        "Non0_F1_score": common["Non0_F1_score"],
        "Mult_acc_7": graded(p, t, 3),
        "MAE": mae(p, t),
        "Corr": corr(p, t),
    }


def sims(p, t):
    """MMSA, __eval_sims_regression: clipped first, intervals closed on the right, cut in float32."""
    p, t = np.clip(p, -1, 1), np.clip(t, -1, 1)

    def interval(x, edges):
        x, grade = x.astype(np.float32), np.full(len(x), -1)
        edges = np.array(edges, dtype=np.float32)
        for k in range(len(edges) - 1):
            grade[(x > edges[k]) & (x <= edges[k + 1])] = k
        assert (grade >= 0).all()
        return grade

    def share(edges):
        return accuracy_score(interval(t, edges), interval(p, edges))

    two = [-1.01, 0.0, 1.01]
    return {
        "Mult_acc_2": share(two),
        "Mult_acc_3": share([-1.01, -0.1, 0.1, 1.01]),
        "Mult_acc_5": share([-1.01, -0.7, -0.1, 0.1, 0.7, 1.01]),
        "F1_score": f1(interval(t, two), interval(p, two)),
        "MAE": mae(p, t),
        "Corr": corr(p, t),
    }


REGRESSION = {
    "mmsa": mosi,
    "f1Legacy": lambda p, t: mosi(p, t, swapped=True),
    "ithp": non_zero,
    "gal": gal,
    "sims": sims,
}


def regression(p, t):
    reports = {}
    for name, metrics in REGRESSION.items():
        keys = metrics(np.ones(1), np.ones(1)).keys()
        usable = len(t) > 0 and np.isfinite(p).all() and np.isfinite(t).all()
        reports[name] = metrics(p, t) if usable else dict.fromkeys(keys)
    return reports


def classification(logits, t):
    return {"classification": by_class(logits, t)}


def by_class(logits, t):
    if len(t) == 0 or not (np.isfinite(logits).all() and np.isfinite(t).all()):
        return dict.fromkeys(["Acc", "F1_score", "Macro_F1_score"])
    predicted = logits.argmax(axis=1)
    return {
        "Acc": accuracy_score(t, predicted),
        "F1_score": f1(t, predicted),
        "Macro_F1_score": f1(t, predicted, average="macro"),
    }


def rounded(value):
    """numpy's, which MMSA's results are rounded by."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return None if value is None else float(np.round(np.float64(value), 4))


def main():
    folder = Path(sys.argv[1])
    cases = json.loads((folder / "cases.json").read_text())
    values = np.fromfile(folder / "values.bin", dtype="<f8")
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", message="A single label was found")
    results, start = [], 0
    for case in cases:
        n, outputs = case["rows"], case["outputs"]
        p = values[start : start + n * outputs]
        t = values[start + n * outputs : start + n * (outputs + 1)]
        start += n * (outputs + 1)
        evaluate = regression
        if case["task"] == "classification":
            p, evaluate = p.reshape(n, outputs), classification
        exact = evaluate(p, t)
        results.append({"exact": exact, "rounded": rounded(exact)})
        if case["single"]:
            # As MMSA has them, which computes its means in float32.
            results[-1]["single"] = rounded(evaluate(p.astype(np.float32), t.astype(np.float32)))
    numbers = values[start:]
    print(json.dumps({"cases": results, "rounded": [rounded(x) for x in numbers]}))


if __name__ == "__main__":
    main()
