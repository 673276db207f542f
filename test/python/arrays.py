"""Arrays between NumPy and cmir: `write FOLDER` makes files of every kind beside what they hold, `read FILE` says
what a file of ours holds."""

import hashlib
import itertools
import json
import sys
from pathlib import Path

import numpy
from safetensors.numpy import save_file

NUMBERS = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]
SHAPES = [(), (0,), (1,), (7,), (3, 0), (4, 5), (2, 3, 4), (2, 1, 3, 2)]
TEXTS = ["", "a", "naïve", "日本語", "emoji 😀!", " spaces ", "line\nbreak", "x" * 300]


def numbers(kind, shape, generator):
    """Any bits the type has, the awkward ones among them."""
    count = int(numpy.prod(shape, dtype=int))
    if kind == "?":
        return generator.integers(0, 2, shape).astype(bool)
    width = numpy.dtype(kind).itemsize
    values = numpy.frombuffer(generator.bytes(count * width), kind).copy()
    if kind[0] == "f":
        # Signalling ones become quiet on their way through a register.
        values[numpy.isnan(values)] = numpy.nan
    if kind[0] == "f" and count > 4:
        values[:5] = [0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan]
    elif kind[0] in "iu" and count > 1:
        info = numpy.iinfo(kind)
        values[:2] = [info.min, info.max]
    return values.reshape(shape)


def examples():
    generator = numpy.random.default_rng(1)
    for kind, shape in itertools.product(NUMBERS, SHAPES):
        for order, byteorder in itertools.product("CF", "<>"):
            array = numbers(kind, shape, generator)
            array = numpy.asarray(array.astype(numpy.dtype(kind).newbyteorder(byteorder)), order=order)
            yield array
    for byteorder in "<>":
        yield numpy.array(TEXTS, dtype=f"{byteorder}U300")
    yield numpy.array(TEXTS).reshape(2, 4)
    yield numpy.array(["", ""])
    yield numpy.array([text.encode() for text in TEXTS])
    yield numpy.array("single")
    yield numpy.zeros((0,), dtype="U3")


def expected(array):
    """Texts, or values in float64 as hexadecimal, in row-major order."""
    entry = {"shape": list(array.shape), "type": array.dtype.name}
    if array.dtype.kind in "US":
        texts = array.ravel().tolist()
        return {**entry, "texts": [t.decode() if isinstance(t, bytes) else t for t in texts]}
    with numpy.errstate(over="ignore", invalid="ignore"):
        doubles = array.astype("<f8")
        singles = doubles.astype("<f4")
    return {**entry, "float64": doubles.tobytes().hex(), "float32": singles.tobytes().hex()}


def write(folder):
    arrays = list(examples())
    manifest = {}
    for index, array in enumerate(arrays):
        name = f"{index}.npy"
        with open(folder / name, "wb") as file:
            numpy.lib.format.write_array(file, array, version=(1 + index % 3, 0))
        manifest[name] = expected(array)
    named = {f"train/{i}": array for i, array in enumerate(arrays)}
    numpy.savez(folder / "stored.npz", **named)
    numpy.savez_compressed(folder / "deflated.npz", **named)
    manifest["npz"] = {name: expected(array) for name, array in named.items()}
    big = numpy.arange(600_000, dtype="<f4").reshape(200, 30, 100)
    numpy.savez_compressed(folder / "big.npz", c=big, f=numpy.asfortranarray(big))

    tensors = {
        str(i): numpy.ascontiguousarray(array)
        for i, array in enumerate(arrays)
        if array.dtype.kind not in "US" and array.dtype.isnative
    }
    save_file(tensors, folder / "all.safetensors", {"written": "there"})
    manifest["safetensors"] = {name: expected(array) for name, array in tensors.items()}

    objects = numpy.array([{"a": 1}, None], dtype=object)
    structured = numpy.zeros(2, dtype=[("a", "<f4"), ("b", "<i2", (3,))])
    refused = {
        "objects": objects,
        "structured": structured,
        "complex": numpy.ones(2, "c8"),
        "dates": numpy.zeros(2, "M8[s]"),
        "raw": numpy.zeros(2, "V2"),
        "long": numpy.ones(2, "longdouble"),
    }
    for name, array in refused.items():
        numpy.save(folder / f"{name}.npy", array, allow_pickle=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def read(path):
    with numpy.load(path, allow_pickle=False) as arrays:
        print(json.dumps({name: expected(arrays[name]) for name in arrays.files}))


def digests(path):
    """For files too large to print: type, shape and SHA-256 of each array."""
    with numpy.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            array = arrays[name]
            print(name, array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).hexdigest())


if __name__ == "__main__":
    {"write": write, "read": read, "digests": digests}[sys.argv[1]](Path(sys.argv[2]))
