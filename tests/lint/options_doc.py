#!/usr/bin/env python3
"""Fail where a program's options and what is written of them differ.

- Each option of a program is in its manual, and each that a manual names is an option of one of the programs.
- Each option of gslbd and gslb-prober is in README.md.

usage: options_doc.py TOP
"""
import pathlib, re, sys

PROGRAMS = {"gslbd": "server/process/settings.c", "gslb-prober": "prober/setup.c", "gslbctl": "ctl/main.c"}
COMMON = {"config", "help", "version"}  # option_parse() knows them for every program
OPTION = re.compile(r"--([a-z][a-z-]*[a-z])")


def defined(source):
    """The names in the table that a program hands to option_parse(), and the common ones."""
    table = re.search(r"option_def defs\[\] = \{(.*?)\n\};", source.read_text(), re.S)
    names = set(re.findall(r'\{"([a-z-]+)", OPTION_', table[1])) if table else set()
    return names | COMMON if names else sys.exit(f"{source}: no options found; the lint looked at nothing")


def main():
    top = pathlib.Path(sys.argv[1])
    options = {program: defined(top / source) for program, source in PROGRAMS.items()}
    readme = set(OPTION.findall((top / "README.md").read_text()))
    bad = []
    for program, names in options.items():
        page = f"docs/man/{program}.8"
        said = set(OPTION.findall((top / page).read_text().replace("\\-", "-")))
        bad += [f"{page}: there is nothing of --{name}" for name in sorted(names - said)]
        bad += [f"{page}: no program has an option --{name}" for name in sorted(said - set().union(*options.values()))]
        if program != "gslbctl":
            bad += [f"README.md: there is nothing of --{name} of {program}" for name in sorted(names - COMMON - readme)]
    sys.exit("\n".join(bad) or 0)


main()
