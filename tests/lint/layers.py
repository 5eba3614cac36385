#!/usr/bin/env python3
"""Fail if an #include points against the arrows of docs/ARCHITECTURE.md, or two files need each other.

usage: layers.py TOP   (the directory that holds common/, geoip/, ...)
"""
import pathlib, re, sys

# directory -> what else its files may include: a whole directory, or one public header
READ = ["common/", "health/", "zones/image/image.h", "geoip/geo.h", "geoip/policy.h"]
WRITE = ["zones/image/manifest.h", "zones/history/history.h", "zones/store/store.h", "zones/compile/compile.h"]
MAY = {
    "common": [],
    "geoip": ["common/"],
    "health": ["common/"],
    "zones/image": ["common/", "geoip/geo.h", "geoip/policy.h"],
    "zones/store": ["common/", "geoip/policy.h"],
    "zones/history": ["common/", "zones/image/"],
    "zones/rdata": ["common/", "zones/image/"],
    "zones/compile": ["common/", "geoip/", "zones/image/", "zones/store/", "zones/rdata/"],
    "zones/file": ["common/", "zones/store/", "zones/rdata/", "zones/compile/draft.h", "zones/compile/zone_check.h"],
    "prober": ["common/", "health/"],
    "server/answer": READ,
    "server/transfer": [*READ, "server/answer/"],
    "server/transport": [*READ, "server/answer/", "server/transfer/"],
    "server/process": [*READ, "server/answer/"],
    "server/control": [*READ, *WRITE, "server/answer/codes.h", "server/answer/counters.h", "server/answer/query.h",
                       "server/answer/refused.h",
                       "server/transfer/tsig.h",
                       "server/transport/tls.h", "server/process/"],
    "server": [*READ, "server/"],
    "ctl": ["common/", "zones/", "health/", "geoip/geo.h", "geoip/policy.h", "server/answer/"],
}
# file (a pattern) -> what it may include beyond its directory
ALSO = {
    r"ctl/cmd_check\.c": ["geoip/continent.h"],
}
# header -> the only files that may see it: control faces, and each library's one home
ONLY = {
    "zones/compile/compile.h": r"server/control/compiler\.c|ctl/.*\.[ch]",
    "geoip/build.h":   r"zones/compile/compile.*\.c",
    "geoip/database.h": r"zones/compile/compile.*\.c",
    "geoip/saved.h":   r"zones/compile/compile.*\.c",
    "geoip/source.h":  r"zones/compile/compile.*\.c",
    "sqlite3.h":       r"zones/(store|history)/.*\.[ch]",
    "ldns/":           r"zones/(rdata|file)/.*\.[ch]",
    "maxminddb.h":     r"geoip/mmdb[a-z_]*\.[ch]",
}


def allowed(path, quote, target):
    directory = path.rpartition("/")[0]
    home = path.split("/")[0] + "/"
    ok = quote == "<" or target == "config.h" or target.startswith((directory + "/", *MAY[directory]))
    for files, headers in ALSO.items():
        if re.fullmatch(files, path) and target in headers:
            ok = True
    for header, homes in ONLY.items():
        if target.startswith(header):
            ok = (ok and target.startswith(home)) or re.fullmatch(homes, path) is not None
    return ok


def circle(needs):
    """Sources, each with its header, of which each needs the next and the last the first; none: []."""
    while needs:
        free = {file for file in needs if not needs[file] & needs.keys() - {file}}
        if not free:
            break
        needs = {file: needs[file] - free for file in needs.keys() - free}
    path = sorted(needs)[:1]
    while path and path[-1] not in path[:-1]:
        path.append(min(needs[path[-1]] & needs.keys() - {path[-1]}))
    return path[path.index(path[-1]):] if path else []


def main():
    top = pathlib.Path(sys.argv[1])
    bad = seen = 0
    needs = {}
    for directory in sorted({d.split("/")[0] for d in MAY}):
        for file in sorted((top / directory).rglob("*.[ch]")):
            path = str(file.relative_to(top))
            seen += 1
            for number, line in enumerate(file.read_text().splitlines(), 1):
                found = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
                if found and file.with_suffix(".c").exists():
                    needs.setdefault(path[:-2], set()).add(found[2][:-2])
                if found and not allowed(path, *found.groups()):
                    print(f"{path}:{number}: may not include {found.group(2)}")
                    bad = 1
    if seen == 0:
        sys.exit("no sources found; the lint looked at nothing")
    if circle(needs):
        print("in a circle:", " -> ".join(circle(needs)))
        bad = 1
    sys.exit(bad)


main()
