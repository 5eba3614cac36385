#!/usr/bin/env python3
"""Fail on what the house style forbids and a script can see.

usage: style.py TOP
"""
import pathlib, re, sys

DIRECTORIES = ["common", "geoip", "health", "zones", "prober", "server", "ctl"]
WIDE_TOO = ["tests", "bench"]
COLUMNS = 110
RULES = [
    (r"\btypedef\s+(struct|enum|union)\b", "no typedefs of structs, enums or unions"),
    (r"^\s*extern\s+[^()]*;", "no extern variables"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", "finish it or leave it out"),
    (r"\b(strcpy|strcat|sprintf|gets|vsprintf|alloca)\s*\(", "unbounded"),
    (r"\t", "no tabs"),
    (r"[ \t]+$", "white space at the end of a line"),
]


def sources(top, directories):
    return sorted(f for d in directories for f in (top / d).rglob("*.[ch]"))


def wide(top):
    """Say which lines are wider than COLUMNS; returns how many."""
    count = 0
    for file in sources(top, DIRECTORIES + WIDE_TOO):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if len(line) > COLUMNS:
                print(f"{file.relative_to(top)}:{number}: {len(line)} columns; wrap it at {COLUMNS}")
                count += 1
    return count


def main():
    top = pathlib.Path(sys.argv[1])
    bad = 1 if wide(top) else 0
    seen = 0
    stems = {}
    for file in sources(top, DIRECTORIES):
        path = str(file.relative_to(top))
        text = file.read_text()
        seen += 1
        other = stems.setdefault(file.stem, file.parent)
        if other != file.parent and file.stem != "main":
            print(f"{path}: another file has the stem {file.stem}; stems are unique")
            bad = 1
        if file.suffix == ".h":
            if not text.startswith("/* " + path):
                print(f"{path}: opens with what it is: `/* {path} - ...`")
                bad = 1
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, why in RULES:
                if re.search(pattern, line):
                    print(f"{path}:{number}: {why}")
                    bad = 1
    if seen == 0:
        sys.exit("no sources found; the lint looked at nothing")
    sys.exit(bad)


main()
