#!/bin/sh
# One fuzz target with AFL++ for FUZZ_SECONDS; of run.sh. What it found stays in DIR for the next run.
# usage: run_afl.sh SRCDIR DIR TARGET
set -eu
corpus=$1/tests/fuzz/corpus/$3 dir=$2 target=$3
log=$dir/fuzz_$target.log found=$dir/found_$target
rm -rf "$found/default/crashes" "$found/default/hangs" # those of an earlier run: fixed, or in the corpus
AFL_NO_UI=1 AFL_AUTORESUME=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
    AFL_BENCH_UNTIL_CRASH=1 afl-fuzz -i "$corpus" -o "$found" -V "$FUZZ_SECONDS" -t 10000 -- "$dir/fuzz_$target" >"$log" 2>&1 ||
    { tail -n 40 "$log" >&2; echo "fuzz_$target: afl-fuzz failed" >&2; exit 1; }
for input in "$found"/default/crashes/id:* "$found"/default/hangs/id:*; do
    [ -f "$input" ] || continue
    kept=$corpus/crash-$(sha1sum <"$input" | cut -c1-40)
    cp "$input" "$kept"
    echo "fuzz_$target: failed with $kept" >&2
    failed=yes
done
[ -z "${failed:-}" ] || exit 1
echo "fuzz_$target: $FUZZ_SECONDS s," $(sed -n 's/^\(execs_done\|corpus_found\) *: */\1 /p' "$found/default/fuzzer_stats")
