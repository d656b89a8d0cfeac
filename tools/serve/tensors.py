"""Safetensors files, read and written with NumPy alone: eight bytes of length, a header in JSON, the tensors."""

import json

import numpy

TYPES = {"F32": numpy.float32, "F16": numpy.float16, "I32": numpy.int32, "I64": numpy.int64, "U8": numpy.uint8}


def parse(data):
    """:returns: {name: array} and the metadata."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[8 + length + first:8 + length + end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def read(path):
    with open(path, "rb") as file:
        return parse(file.read())


def pack(tensors, metadata):
    names = {numpy.dtype(kind): name for name, kind in TYPES.items()}
    header, parts, place = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        data = numpy.ascontiguousarray(tensor).tobytes()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [place, place + len(data)]}
        parts.append(data)
        place += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def variant(data, number):
    """The bytes of a map that differs from the given one a little: number by number another one."""
    tensors, metadata = parse(data)
    for name in tensors:
        if name.endswith(".beta"):
            tensors[name] = (tensors[name] * numpy.float32(1 + number * 2.0**-12)).astype(numpy.float32)
    return pack(tensors, metadata)
