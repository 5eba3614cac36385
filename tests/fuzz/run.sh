#!/bin/sh
# Run fuzz targets, all or those named, each for FUZZ_SECONDS, FUZZ_JOBS of them at a time. An input that makes one
# fail becomes a file of its corpus, and the run fails.
# usage: [FUZZ_ENGINE=libfuzzer|afl] run.sh SRCDIR BUILDDIR [TARGET...]
set -eu
src=$(cd "$1" && pwd) build=$(cd "$2" && pwd)
shift 2
engine=${FUZZ_ENGINE:-libfuzzer} jobs=${FUZZ_JOBS:-1}
export srcdir="$src" FUZZ_SECONDS="${FUZZ_SECONDS:-60}"

# needs PROGRAM PACKAGES
needs() { command -v "$1" >/dev/null || { echo "$1 is not installed: apt-get install $2" >&2; exit 1; }; }
case $engine in
libfuzzer) needs clang 'clang libclang-rt-14-dev' ;;
afl) needs afl-clang-fast afl++ ;;
*) echo "FUZZ_ENGINE is libfuzzer or afl, not $engine" >&2; exit 1 ;;
esac

[ $# -gt 0 ] || set -- $(cd "$src/tests/fuzz" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
make -s -j"$jobs" -f "$src/tests/fuzz/build.mk" src="$src" build="$build" engine="$engine" targets="$*"
printf '%s\n' "$@" | xargs -P "$jobs" -I TARGET sh "$src/tests/fuzz/run_$engine.sh" "$src" "$build/fuzz-$engine" TARGET
