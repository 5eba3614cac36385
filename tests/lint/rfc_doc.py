#!/usr/bin/env python3
"""Fail on a function, a trigger or a test that docs/RFC.md names and the tree does not have.

A function is written `reply_end()` (server/answer/reply.c), a trigger `record_serial_update` (zones/store/schema.sql), a test
`tests/unit/test_query.c`: `test_name`, `test_other`. Whatever else a table has in its last two columns is "-" or words.

usage: rfc_doc.py TOP
"""
import pathlib, re, sys

FUNCTION = re.compile(r"`(\w+)(\(\))?` \(([\w/.]+)\)")
TESTS = re.compile(r"`(tests/[\w/.]+)`: ((?:`\w+`(?:, )?)+)")


def defines(file, name):
    """Whether the file has the body of a function, of a test or of a trigger with this name."""
    if not file.is_file():
        return False
    form = {".py": rf"^def {name}\(", ".sql": rf"^CREATE (TRIGGER|VIEW) {name}\b"}
    return re.search(form.get(file.suffix, rf"^\w[\w \t*]*\b{name}\([^;{{}}]*\)\s*{{"), file.read_text(), re.M) is not None


def named(cell):
    """The (file, name) pairs of a cell, and what of it is neither "-" nor a pair but looks like one."""
    pairs = [(file, name) for name, _, file in FUNCTION.findall(cell)]
    for file, tests in TESTS.findall(cell):
        pairs += [(file, name) for name in re.findall(r"`(\w+)`", tests)]
    return pairs, re.findall(r"`[^`]*`", TESTS.sub("", FUNCTION.sub("", cell)))


def main():
    top = pathlib.Path(sys.argv[1])
    bad, seen = [], 0
    for number, line in enumerate((top / "docs/RFC.md").read_text().splitlines(), 1):
        cells = line.strip("|").split(" | ")
        if not line.startswith("| ") or cells[0].strip() == "clause":
            continue
        where = f"docs/RFC.md:{number}"
        if len(cells) != 4:
            bad.append(f"{where}: {len(cells)} columns, not clause, what it says, function, test")
            continue
        for cell in cells[2:]:
            pairs, rest = named(cell)
            seen += len(pairs)
            bad += [f"{where}: {file} has no {name}" for file, name in pairs if not defines(top / file, name)]
            bad += [f"{where}: {text} is neither a function with its file nor a test with its file" for text in rest]
    if seen == 0:
        sys.exit("no functions found in docs/RFC.md; the lint looked at nothing")
    sys.exit("\n".join(bad) or 0)


main()
