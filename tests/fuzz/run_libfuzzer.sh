#!/bin/sh
# One fuzz target with libFuzzer for FUZZ_SECONDS; of run.sh. What it found stays in DIR for the next run.
# usage: run_libfuzzer.sh SRCDIR DIR TARGET
set -eu
corpus=$1/tests/fuzz/corpus/$3 dir=$2 target=$3
log=$dir/fuzz_$target.log
mkdir -p "$dir/found_$target" "$corpus"
"$dir/fuzz_$target" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=3000 -print_final_stats=1 \
    -artifact_prefix="$corpus/" "$dir/found_$target" "$corpus" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    echo "fuzz_$target: failed; its input is in $corpus" >&2
    exit 1
}
echo "fuzz_$target: $FUZZ_SECONDS s," $(sed -n 's/^stat::\(number_of_executed_units\|new_units_added\): */\1 /p' "$log")
