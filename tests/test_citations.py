"""The paper's equations and the numbered deviations are cited at their lines of code, and no others are."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
EQUATIONS = set(range(3, 13))  # those that the code computes: Eqs. 1 and 2 define the problem
NUMBERS = r"s?\.? (\d+(?:(?:, | and | to |-)\d+)*)"


def cited(word, folders):
    """Numbers cited as `word N`, `words N and M` or `words N to M` in code and shipped flags, with their files."""
    found = {}
    for folder in folders:
        for path in sorted([*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.flags")]):
            for numbers in re.findall(word + NUMBERS, path.read_text()):
                for number in numbers_of(numbers):
                    found.setdefault(number, set()).add(str(path.relative_to(ROOT)))
    return found


def numbers_of(text):
    """`4, 7 and 9` -> 4, 7, 9; `4 to 6` and `4-6` -> 4, 5, 6."""
    for part in re.split(r", | and ", text):
        first, *last = map(int, re.split(r" to |-", part))
        yield from range(first, (last or [first])[0] + 1)


def deviations():
    """The numbers of the table."""
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs/deviations.md").read_text(), flags=re.MULTILINE)
    assert len(rows) == len(set(rows)) > 20
    return set(map(int, rows))


def test_lists_and_ranges_of_numbers_are_read():
    assert list(numbers_of("4, 7 and 9")) == [4, 7, 9]
    assert list(numbers_of("4-6 and 8 to 9")) == [4, 5, 6, 8, 9]


def test_every_equation_is_cited_in_a_comment_at_its_line():
    comments = re.compile(r"^\s*[^\s#].*  # .*?\bEqs?\. (\d+(?: and \d+)?)", re.MULTILINE)  # behind code, not before it
    found = set()
    for path in (ROOT / "cmta_jax").rglob("*.py"):
        found.update(number for match in comments.findall(path.read_text()) for number in numbers_of(match))
    assert found == EQUATIONS


def test_no_equation_is_cited_that_the_paper_does_not_have():
    assert set(cited("Eq", ["cmta_jax", "experiments"])) <= set(range(1, 13))


def test_every_deviation_is_cited_in_the_code_and_every_citation_is_in_the_table():
    found, table = cited("Deviation", ["cmta_jax", "experiments"]), deviations()
    assert not table - set(found), f"deviations without a line of code: {sorted(table - set(found))}"
    unknown = {number: files for number, files in found.items() if number not in table}
    assert not unknown, f"cited, but not in docs/deviations.md: {unknown}"
