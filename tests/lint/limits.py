#!/usr/bin/env python3
"""Fail on a function over 70 lines or a source file over 600.

usage: limits.py TOP
"""
import json, pathlib, subprocess, sys

FUNCTION_MAX, FILE_MAX = 70, 600
# file or function -> the reason why it may be longer
EXCEPTIONS = {}
DIRECTORIES = ["common", "geoip", "health", "zones", "prober", "server", "ctl", "tests", "bench"]


def main():
    top = pathlib.Path(sys.argv[1])
    files = sorted(str(f.relative_to(top)) for d in DIRECTORIES for f in (top / d).rglob("*.[ch]"))
    if not files:
        sys.exit("no sources found; the lint looked at nothing")
    ctags = ["ctags", "--languages=C", "--c-kinds=f", "--fields=+ne", "--output-format=json", "-f", "-"]
    tags = subprocess.run(ctags + files, cwd=top, capture_output=True, text=True, check=True).stdout
    bad = []
    for tag in map(json.loads, tags.splitlines()):
        lines = tag["end"] - tag["line"] + 1
        if lines > FUNCTION_MAX and tag["name"] not in EXCEPTIONS:
            bad.append(f"{tag['path']}:{tag['line']}: {tag['name']}() is {lines} lines, the most is {FUNCTION_MAX}")
    for path in files:
        lines = sum(1 for _ in open(top / path))
        if lines > FILE_MAX and path not in EXCEPTIONS:
            bad.append(f"{path}: {lines} lines, the most is {FILE_MAX}")
    sys.exit("\n".join(bad) or 0)


main()
