"""Reads the text of a compiled and scheduled HLO module into its instructions."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple


class Instruction(NamedTuple):
    """One line of a computation."""

    name: str
    shape: str
    opcode: str
    operands: tuple[str, ...]  # names; the number for a parameter
    rest: str  # attributes and metadata
    root: bool


class Module(NamedTuple):
    """A parsed module."""

    computations: dict[str, list[Instruction]]
    entry: str
    frames: dict[int, str]  # stack frame -> "file:line"


def parse(text: str) -> Module:
    """The module that the text of an executable (`compiled.as_text()`) describes.

    Raises:
        ValueError: the text has no entry computation.
    """
    computations: dict[str, list[Instruction]] = {}
    entry = ""
    current: list[Instruction] = []
    for line in text.splitlines():
        if found := re.match(r"(ENTRY )?%?([\w.-]+) \(.*\{$", line):
            current = computations[found[2]] = []
            entry = found[2] if found[1] else entry
        elif found := re.match(r"\s+(ROOT )?%?([\w.-]+) = (.*)", line):
            current.append(_instruction(found[2], re.sub(r"/\*.*?\*/", "", found[3]), bool(found[1])))
    if not entry:
        raise ValueError("the text has no ENTRY: give that of a compiled program.")
    return Module(computations, entry, _frames(text))


def _instruction(name: str, text: str, root: bool) -> Instruction:
    """From `shape opcode(operands), attributes`."""
    end = _closing(text) + 1 if text.startswith("(") else text.index(" ")
    shape, text = text[:end], text[end:].lstrip()
    opening = text.index("(")
    end = opening + _closing(text[opening:])
    operands = tuple(re.findall(r"%([\w.-]+)", text[opening:end])) or (text[opening + 1 : end],)
    return Instruction(name, shape, text[:opening], operands, text[end + 1 :], root)


def _closing(text: str) -> int:
    """Where the bracket closes that the text opens with."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth:
            return place
    raise ValueError(f"no closing bracket in {text[:80]!r}")


def _frames(text: str) -> dict[int, str]:
    """Stack frame -> the place in the program, the innermost that is not in a package."""
    tables: dict[str, dict[int, str]] = {}
    for title in ("FileNames", "FileLocations", "StackFrames"):
        rows = re.search(rf"^{title}\n((?:\d+ .*\n)*)", text, re.MULTILINE)
        tables[title] = {int(number): row for number, row in re.findall(r"(\d+) (.*)\n", rows[1] if rows else "")}

    def field(row: str, name: str) -> int:
        found = re.search(rf"{name}=(\d+)", row)
        return int(found[1]) if found else 0

    parents = {frame: field(row, "parent_frame_id") for frame, row in tables["StackFrames"].items()}
    shift = any(frame == parent for frame, parent in parents.items())  # some versions of XLA count parents from one

    def place(frame: int) -> str:
        while frame:
            location = tables["FileLocations"][field(tables["StackFrames"][frame], "file_location_id")]
            path = tables["FileNames"][field(location, "file_name_id")].strip('"')
            if "site-packages" not in path:
                return f"{'/'.join(path.split('/')[-2:])}:{field(location, 'line')}"
            frame = parents[frame] - shift
        return ""

    return {frame: place(frame) for frame in tables["StackFrames"]}


def size_of(shape: str) -> int:
    """Bytes of a shape such as `f32[2,3]{1,0}`, or of all parts of a tuple."""
    return sum(width_of(kind) * elements for kind, elements in parts_of(shape))


def parts_of(shape: str) -> Iterator[tuple[str, int]]:
    """The type and the number of elements of a shape, or of each part of a tuple."""
    for kind, dimensions in re.findall(r"(\w+)\[([\d,]*)\]", shape):
        yield kind, math.prod(int(number) for number in dimensions.split(",") if number)


def width_of(kind: str) -> int:
    """Bytes of an element of a type such as `f32`."""
    bits = re.search(r"\d+", kind)
    return max(1, int(bits[0]) // 8) if bits else 1  # pred
