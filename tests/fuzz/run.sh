#!/bin/sh
# Run every fuzz target with libFuzzer for FUZZ_SECONDS; a crash leaves its input in the corpus and fails.
# usage: run.sh SRCDIR BUILDDIR [TARGET...]
set -eu
src=$1 build=$2
shift 2
seconds=${FUZZ_SECONDS:-60}
command -v clang >/dev/null || { echo 'clang is not installed: apt-get install clang libclang-rt-14-dev' >&2; exit 1; }
[ $# -gt 0 ] || set -- $(cd "$src/tests/fuzz" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
packages='ldns libevent_core libevent_extra libevent_openssl libmaxminddb sqlite3 libcrypto libssl jansson libseccomp libcurl'
out=$build/fuzz-build
mkdir -p "$out"
sources=$(cd "$src" && ls common/*.c geoip/*.c health/*.c zones/*.c server/*.c server/*/*.c | grep -v '/main\.c$')
objects=
for file in $sources; do
    object=$out/$(echo "$file" | tr / _).o
    [ "$object" -nt "$src/$file" ] || clang -std=gnu17 -D_GNU_SOURCE -DSANITIZED=1 -I"$src" -I"$build" -g -O1 -fsanitize=fuzzer-no-link,address,undefined \
        -fno-sanitize-recover=undefined $(pkg-config --cflags $packages) -c "$src/$file" -o "$object"
    objects="$objects $object"
done
rm -f "$out/all.a"
ar rcs "$out/all.a" $objects
for target; do
    clang -std=gnu17 -D_GNU_SOURCE -I"$src" -I"$build" -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        "$src/tests/fuzz/fuzz_$target.c" "$out/all.a" $(pkg-config --libs $packages) -lm -o "$out/fuzz_$target"
    mkdir -p "$out/found_$target"
    echo "fuzz_$target: $seconds s"
    "$out/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -print_final_stats=1 \
        -artifact_prefix="$src/tests/fuzz/corpus/$target/crash-" "$out/found_$target" "$src/tests/fuzz/corpus/$target" \
        >"$out/fuzz_$target.log" 2>&1 || { tail -n 40 "$out/fuzz_$target.log" >&2; exit 1; }
    grep -E 'stat::number_of_executed_units|stat::new_units_added' "$out/fuzz_$target.log" || true
done
