#!/usr/bin/env python3
"""Fail where docs/LIMITS.md and the constants of the sources differ.

- Each maximum that a header declares (a constant that ends in _MAX, or in _MAX_ and a unit) is named there. Not those that end in
  _TEXT_MAX: they are lengths of buffers for printed text, hold the longest there can be, and bound nothing.
- Each name in capitals between backticks there is a constant of the sources.
- In a row that begins with one name, the first number of the second column is its value.
- systemd's unit gives gslbd as many descriptors as it asks for.

usage: limits_doc.py TOP
"""
import pathlib, re, sys

DIRECTORIES = ["common", "geoip", "health", "zones", "prober", "server", "ctl"]
MAXIMUM = re.compile(r"[A-Z][A-Z0-9_]*_MAX(_[A-Z]+)?")
NAME = re.compile(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`")
ROW = re.compile(r"\| `([A-Z][A-Z0-9_]+)` \| ([\d,]+)")
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def constants(text):
    """Name -> expression, of the enums and the #defines of a source without its comments; no expression: None."""
    found = dict(re.findall(r"^\s*#\s*define\s+([A-Z][A-Z0-9_]+)[ \t]+(\S.*)$", text, re.M))
    for body in re.findall(r"\benum\b[^{;()]*\{([^}]*)\}", text):
        for item in body.split(","):
            name, _, expression = item.partition("=")
            if re.fullmatch(r"[A-Z][A-Z0-9_]+", name.strip()):
                found[name.strip()] = expression.strip() or None
    return found


def value(name, known):
    """The number that a constant is, or None where that takes a compiler."""
    expression = known.get(name)
    if not expression:
        return None
    expression = re.sub(r"\([a-z_0-9]+\)|(?<=\d)[uUlL]+\b", "", re.sub(r"U?INT64_C\((\d+)\)", r"\1", expression))
    for other in set(re.findall(r"[A-Z][A-Z0-9_]+", re.sub(r"0[xX][0-9a-fA-F]+", "", expression))):
        expression = re.sub(rf"\b{other}\b", f"({value(other, known)})", expression)
    if not re.fullmatch(r"[\s\d()+*/<x a-f-]+", expression):
        return None
    return eval(expression.replace("/", "//"))


def unit_check(top, known):
    wanted = value("HOLDINGS_DESCRIPTORS_MAX", known)
    found = re.findall(r"^LimitNOFILE=(.*)$", (top / "server/gslbd.service.in").read_text(), re.M)
    return [] if found == [str(wanted)] else [f"server/gslbd.service.in: LimitNOFILE is {found}, and HOLDINGS_DESCRIPTORS_MAX {wanted}"]


def main():
    top = pathlib.Path(sys.argv[1])
    known, declared = {}, {}
    for file in sorted(f for d in DIRECTORIES for f in (top / d).rglob("*.[ch]")):
        found = constants(COMMENT.sub("", file.read_text()))
        known.update(found)
        if file.suffix == ".h":
            declared.update((name, file.relative_to(top)) for name in found if MAXIMUM.fullmatch(name))
    if not declared:
        sys.exit("no limits found; the lint looked at nothing")
    bad, named = [], set()
    for number, line in enumerate((top / "docs/LIMITS.md").read_text().splitlines(), 1):
        named.update(NAME.findall(line))
        bad += [f"docs/LIMITS.md:{number}: no source has {name}" for name in NAME.findall(line) if name not in known]
        row = ROW.match(line)
        if row and value(row[1], known) not in (None, int(row[2].replace(",", ""))):
            bad.append(f"docs/LIMITS.md:{number}: {row[1]} is {value(row[1], known):,}, not {row[2]}")
    bad += [f"{file}: {name} is not in docs/LIMITS.md" for name, file in sorted(declared.items())
            if not name.endswith("_TEXT_MAX") and name not in named]
    bad += unit_check(top, known)
    sys.exit("\n".join(bad) or 0)


main()
