"""What a compiled program gives the device to do: its launches, what each reads and writes, and its products."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from experiments.benchmarks.hlo_text import Instruction, Module, parts_of, size_of, width_of

NOT_LAUNCHED = {
    "parameter", "constant", "bitcast", "tuple", "get-tuple-element", "after-all", "partition-id", "replica-id",
    "copy-done", "opt-barrier",
}  # fmt: skip
IN_PLACE = ("scatter", "dynamic-update-slice")  # opcodes that change a few rows of their first operand
CHOOSING = ("gather", "dynamic-slice", "slice")  # opcodes that read a few rows of their first operand


class Launch(NamedTuple):
    """What the device is given to do at once: a kernel, a product of a library, a copy."""

    name: str
    kind: str  # product, reduction, scatter, gather, elementwise, copy, or the opcode
    bytes_read: int
    bytes_written: int
    flops: float  # of matrix products
    narrow_flops: float  # of those, with inputs of 16 bits
    source: str  # file and line of the program, and the operation there
    times: int = 1  # more than once in a loop


def launches(module: Module) -> list[Launch]:
    """What the module gives the device to do, in its order; the body of a loop counts as often as it runs."""
    return [*_launches(module, module.entry, 1)]


def _launches(module: Module, computation: str, times: int) -> Iterator[Launch]:
    shapes = {one.name: one.shape for one in module.computations[computation]}
    for one in module.computations[computation]:
        if one.opcode in NOT_LAUNCHED:
            continue
        if one.opcode in ("call", "while"):
            inner = _called(one, "to_apply" if one.opcode == "call" else "body")
            trips = re.search(r'"known_trip_count":\{"n":"(\d+)"', one.rest)
            yield from _launches(module, inner, times * (int(trips[1]) if trips else 1))
            continue
        read, written = _traffic(module, one, [shapes[name] for name in dict.fromkeys(one.operands) if name in shapes])
        kind, flops = _kind(module, one), _flops(module, one, shapes)
        yield Launch(one.name, kind, read, written, *flops, _source(module, one), times)


def _called(one: Instruction, attribute: str) -> str:
    found = re.search(rf"\b{attribute}=%?([\w.-]+)", one.rest)
    return found[1] if found else ""


def _inside(module: Module, one: Instruction) -> list[Instruction]:
    """The instructions that a launch stands for, those of fusions in it too."""
    if one.opcode != "fusion":
        return [one]
    return [inner for each in module.computations[_called(one, "calls")] for inner in _inside(module, each)]


def _kind(module: Module, one: Instruction) -> str:
    opcodes = {inner.opcode for inner in _inside(module, one)}
    if "dot" in opcodes or "gemm" in one.rest:
        return "product"
    for kind, members in {"reduction": ["reduce"], "scatter": IN_PLACE, "gather": ["gather"]}.items():
        if opcodes.intersection(members):
            return kind
    return {"fusion": "elementwise"}.get(one.opcode, one.opcode)


def _source(module: Module, one: Instruction) -> str:
    frame, name = re.search(r"stack_frame_id=(\d+)", one.rest), re.search(r'op_name="([^"]*)"', one.rest)
    place = module.frames.get(int(frame[1]), "") if frame else ""
    return f"{place} {'/'.join(name[1].split('/')[-3:]) if name else one.name}".strip()


def _traffic(module: Module, one: Instruction, operands: Sequence[str]) -> tuple[int, int]:
    """Bytes that a launch reads and writes: of an array whose rows it chooses or replaces, those rows only."""
    if one.opcode != "fusion":
        body = [Instruction(f"%{i}", shape, "parameter", (str(i),), "", False) for i, shape in enumerate(operands)]
        body.append(one._replace(operands=tuple(parameter.name for parameter in body), root=True))
    else:
        body = module.computations[_called(one, "calls")]
    parameters = [each for each in body if each.opcode == "parameter"]
    read = sum(_read(module, body, each) for each in parameters)
    root = next(each for each in body if each.root)
    if one.opcode == "custom-call":
        return read, size_of(_without_workspace(one))
    return read, sum(_written(body, each) for each in (_roots(body, root)))


def _without_workspace(one: Instruction) -> str:
    """The shape of a product of a library without the scratch memory that it is lent."""
    return re.sub(r"s8\[\d+\](\{0\})?\)$", ")", one.shape) if "gemm" in one.rest else one.shape


def _read(module: Module, body: Sequence[Instruction], array: Instruction) -> int:
    """Bytes of an array that its readers need."""
    if array.root:
        return size_of(array.shape)
    needed = 0
    for reader in (each for each in body if array.name in each.operands):
        first = reader.operands[0] == array.name
        if reader.opcode in CHOOSING and first:
            needed += _read(module, body, reader)  # of what is chosen, what is needed in turn
        elif reader.opcode == "bitcast":
            needed += _read(module, body, reader)
        elif not (reader.opcode in IN_PLACE and first):
            return size_of(array.shape)
    return min(needed, size_of(array.shape))


def _roots(body: Sequence[Instruction], root: Instruction) -> Iterable[Instruction]:
    if root.opcode != "tuple":
        return [root]
    named = {each.name: each for each in body}
    return [named[name] for name in root.operands]


def _written(body: Sequence[Instruction], root: Instruction) -> int:
    named = {each.name: each for each in body}
    while root.opcode == "bitcast" and root.operands[0] in named:
        root = named[root.operands[0]]
    if root.opcode in IN_PLACE:
        update = root.operands[-1 if root.opcode == "scatter" else 1]
        return size_of(named[update].shape)
    return size_of(root.shape)


def _flops(module: Module, one: Instruction, outer: dict[str, str]) -> tuple[float, float]:
    """Operations of the matrix products in a launch, and of those whose inputs have 16 bits."""
    bodies = [[one]]
    total = narrow = 0.0
    while bodies:
        body = bodies.pop()
        shapes = outer if body == [one] else {each.name: each.shape for each in body}
        for flops, width in _products(body, shapes):
            total += flops
            narrow += flops * (width == 2)
        bodies += [module.computations[_called(each, "calls")] for each in body if each.opcode == "fusion"]
    return total, narrow


def _products(body: Iterable[Instruction], shapes: dict[str, str]) -> Iterator[tuple[float, int]]:
    """Operations of each matrix product, and the bytes of an element of its left side."""
    for one in body:
        axes = re.search(r"lhs_contracting_dim(?:ension)?s\"?[=:][{[]([\d,\"]*)[}\]]", one.rest)
        if axes:  # a product of XLA's own, or of a library
            left = shapes[one.operands[0]]
            sizes = re.findall(r"\d+", left.partition("[")[2].partition("]")[0])
            _, elements = next(parts_of(one.shape))
            contracted = math.prod(int(sizes[int(axis)]) for axis in re.findall(r"\d+", axes[1]))
            yield 2.0 * elements * contracted, width_of(left.partition("[")[0])
