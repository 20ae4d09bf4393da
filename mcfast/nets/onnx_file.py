"""What an ONNX file holds, read without the `onnx` package: nodes, float32 tensors and metadata.

An ONNX file is a protocol-buffer message (onnx.proto, version 3); the few fields that a network of plain layers uses
are read here, the others are skipped. For runtimes that bring their own kernels and need the weights only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.errors import ConfigError

__all__ = ["Node", "OnnxFile", "read_onnx"]

_FLOAT = 1  # TensorProto.DataType
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
Value = int | bytes


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: its kind, name, the tensors it reads and writes, and its whole-number attributes."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """A graph: nodes in order, float32 tensors by name, names of inputs and outputs, their shapes (`None` for a side
    that is left open), metadata."""

    name: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, NDArray[numpy.float32]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, tuple[int | None, ...]]
    metadata: Mapping[str, str]


def read_onnx(content: bytes) -> OnnxFile:
    """Read an ONNX file's bytes. O(bytes).

    Raises
    ------
    ConfigError
        If they are damaged, no ONNX file, or keep weights outside the file.
    """
    try:
        model = _fields(content)
        graph = _fields(_last(model, 7))
        tensors = dict(_tensor(entry) for entry in graph.get(5, []))
        inputs = tuple(_text(_fields(entry), 1) for entry in graph.get(11, []))
        metadata = dict(_pair(entry) for entry in model.get(14, []))
        return OnnxFile(
            name=metadata.get("name") or _text(graph, 2),
            nodes=tuple(_node(entry) for entry in graph.get(1, [])),
            tensors=tensors,
            inputs=tuple(name for name in inputs if name not in tensors),
            outputs=tuple(_text(_fields(entry), 1) for entry in graph.get(12, [])),
            shapes=dict(_shape(entry) for entry in (*graph.get(11, []), *graph.get(12, []))),
            metadata=metadata,
        )
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise ConfigError(
            f"network ({len(content)} bytes): no intact ONNX file ({error}); give the bytes of an ONNX file"
        ) from error


def _fields(message: Value) -> dict[int, list[Any]]:
    """Every value of every field of a message, by field number."""
    found: dict[int, list[Any]] = {}
    for number, value in _values(_bytes(message)):
        found.setdefault(number, []).append(value)
    return found


def _values(message: bytes) -> Iterator[tuple[int, Value]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"a field of unknown kind {wire}")
        if number == 0 or at + length > len(message):
            raise ValueError("a field that ends beyond the file")
        yield number, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than 64 bits")


def _shape(entry: Value) -> tuple[str, tuple[int | None, ...]]:
    """Name and shape of an input or output: ValueInfoProto, TypeProto.Tensor, TensorShapeProto."""
    fields = _fields(entry)
    shape: dict[int, list[Any]] = {}
    if 2 in fields and 1 in (kind := _fields(_last(fields, 2))) and 2 in (tensor := _fields(_last(kind, 1))):
        shape = _fields(_last(tensor, 2))
    sides = (_fields(side).get(1, [None])[-1] for side in shape.get(1, []))
    return _text(fields, 1), tuple(sides)


def _tensor(entry: Value) -> tuple[str, NDArray[numpy.float32]]:
    fields = _fields(entry)
    name, shape = _text(fields, 8), tuple(_numbers(fields.get(1, [])))
    if fields.get(14, [0])[-1] != 0:
        raise ValueError(f"tensor {name!r} lies in another file")
    if fields.get(2, [0])[-1] != _FLOAT:
        return name, numpy.empty(0, numpy.float32)  # not a weight; no layer that is understood reads it
    raw = _bytes(fields[9][-1]) if 9 in fields else b"".join(_bytes(part) for part in fields.get(4, []))
    values = numpy.frombuffer(raw, "<f4").astype(numpy.float32)
    return name, values.reshape(shape)


def _node(entry: Value) -> Node:
    fields = _fields(entry)
    attributes = {}
    for attribute in fields.get(5, []):
        parts = _fields(attribute)
        attributes[_text(parts, 1)] = tuple(_numbers(parts.get(3, []) + parts.get(8, [])))
    inputs, outputs = (tuple(_bytes(name).decode() for name in fields.get(number, [])) for number in (1, 2))
    return Node(_text(fields, 4), _text(fields, 3), inputs, outputs, attributes)


def _pair(entry: Value) -> tuple[str, str]:
    fields = _fields(entry)
    return _text(fields, 1), _text(fields, 2)


def _numbers(values: list[Value]) -> list[int]:
    """Repeated whole numbers, one by one or packed; 64-bit two's complement."""
    found: list[int] = []
    for value in values:
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            found.append(number)
    return [number - (1 << 64) if number >> 63 else number for number in found]


def _last(fields: dict[int, list[Any]], number: int) -> Value:
    if number not in fields:
        raise ValueError(f"no field {number}")
    value: Value = fields[number][-1]
    return value


def _text(fields: dict[int, list[Any]], number: int) -> str:
    return _bytes(fields[number][-1]).decode() if number in fields else ""


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("a number where a message was expected")
    return value
