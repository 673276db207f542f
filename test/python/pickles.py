"""Pickles of every protocol, under the module names of numpy 1 and 2, beside what they hold: `pickles.py FOLDER`."""

import collections
import json
import math
import pickle
import pickletools
import sys
import warnings
from pathlib import Path

import numpy

from arrays import TEXTS, examples, expected


def values():
    """Everything that plain Python and numpy's scalars can be."""
    shared = ["shared", (1, 2)]
    itself = []
    itself.append({"me": itself})
    return {
        "constants": [None, True, False],
        "integers": [0, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**53 - 1, 2**53, -(2**63), 10**30],
        "long": 7**700,
        "floats": [0.0, -0.0, 0.1, -1e-308, math.inf, -math.inf, math.nan],
        "texts": TEXTS + ["\x00\x80\xff\u0100\ud7ff\\u0041\\", "it's", '"', "x" * 16384, "x" * 16385],
        "long texts": ["naïve 日本語 😀\\\n" * 3000, "y" * 70000],
        "bytes": [b"", b"\x00\xff\n'\\", bytes(range(256)) * 80, bytearray(b""), bytearray(b"abc")],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((), [()])],
        "lists": [[], [[]], list(range(2500))],
        "dicts": [{}, {"a": 1, 2: "b", None: [], (1, 2): 3.5}, {str(i): i for i in range(2500)}],
        "sets": [set(), {1, 2}, frozenset(), frozenset([3])],
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
        "default": collections.defaultdict(list, {"a": [1]}),
        "shared": [shared, shared],
        "__proto__": {"constructor": 1},
        "scalars": [numpy.dtype(kind).type(3) for kind in "?bBhHiIlLefd"],
        "text scalars": [numpy.str_("naïve"), numpy.str_("z" * 5000), numpy.str_(""), numpy.bytes_(b"ab")],
        "big-endian": [numpy.array([1.5], ">f4")[0], numpy.array([-7], ">i8")[0]],
        "dtype": numpy.dtype(">f4"),
    }, itself


def canonical(value):
    """A value as JSON; test/data/pickle/fixture.ts does the same."""
    if isinstance(value, numpy.ndarray):
        if value.dtype != object:
            return {"array": expected(value)}
        return {"objects": [list(value.shape), [canonical(item) for item in value.ravel()]]}
    if isinstance(value, numpy.dtype):
        return {"dtype": value.name}
    if isinstance(value, numpy.generic):
        value = value.item()
        return value.decode() if isinstance(value, bytes) else canonical(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"integer": str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": value.hex()}
    if isinstance(value, tuple):
        return {"tuple": [canonical(item) for item in value]}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"set": [canonical(item) for item in value]}
    return {"dict": [[canonical(key), canonical(item)] for key, item in value.items()]}


def objects():
    yield numpy.array([["a", None, 1], [2.5, [1, 2], (3,)]], dtype=object)
    yield numpy.array([["a", None, 1], [2.5, [1, 2], (3,)]], dtype=object).T
    yield numpy.array(None, dtype=object)
    nested = numpy.empty(2, dtype=object)
    nested[:] = [numpy.arange(3, dtype="f4"), numpy.ones((2, 2))]
    yield nested


def arrays():
    yield from examples()
    yield from objects()
    cube = numpy.arange(24, dtype="f4").reshape(2, 3, 4)
    yield cube.transpose(0, 2, 1)
    yield cube.transpose(1, 2, 0).astype(">i2", order="K")
    yield cube[:, ::2, 1:]
    yield numpy.asfortranarray(numpy.array(TEXTS).reshape(2, 4))
    yield numpy.array(TEXTS).reshape(2, 2, 2).transpose(0, 2, 1)
    # Longer than what is held in memory of the file at a time.
    yield numpy.arange(300_000, dtype="f4").reshape(300, 1000)
    yield numpy.asfortranarray(numpy.arange(100_000, dtype="f8").reshape(100, 1000))


def with_old_names(data):
    """The same pickle as numpy 1 writes it. Frames, which would be of other lengths, are left out: they may be."""
    parts = []
    operations = list(pickletools.genops(data))
    ends = [position for _, _, position in operations[1:]] + [len(data)]
    for (operation, argument, begin), end in zip(operations, ends, strict=True):
        part = data[begin:end]
        if isinstance(argument, str) and argument.startswith("numpy._core"):
            argument = argument.replace("_core", "core")
            if operation.name == "GLOBAL":
                part = b"c" + argument.replace(" ", "\n").encode() + b"\n"
            else:
                part = pickle.SHORT_BINUNICODE + bytes([len(argument)]) + argument.encode()
        parts.append(b"" if operation.name == "FRAME" else part)
    return b"".join(parts)


def write(folder):
    # numpy 2 finds the names of numpy 1, and says so.
    warnings.simplefilter("ignore", DeprecationWarning)
    plain, itself = values()
    samples = {"values": plain, "arrays": list(arrays())}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for name, sample in {**samples, "itself": itself}.items():
            data = pickle.dumps(sample, protocol)
            old = with_old_names(data)
            if name != "itself":
                assert b"numpy._core" in data and b"numpy._core" not in old
                pickle.loads(old)
            (folder / f"{name}-{protocol}-2.pkl").write_bytes(data)
            (folder / f"{name}-{protocol}-1.pkl").write_bytes(old)
            (folder / f"{name}-{protocol}-o.pkl").write_bytes(pickletools.optimize(data))
    for name, sample in samples.items():
        (folder / f"{name}.json").write_text(json.dumps(canonical(sample)))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
