#!/bin/sh
# What the corpora reach of the files that each target is for: the part of their lines, and the functions never entered.
# usage: coverage.sh SRCDIR BUILDDIR [TARGET...]
set -eu
src=$(cd "$1" && pwd) build=$(cd "$2" && pwd)
shift 2
dir=$build/fuzz-coverage
export srcdir="$src"

# files TARGET: what it is for
files() {
    case $1 in
    announce) echo server/control/announce.c ;;
    answer) echo server/answer/answer.c server/answer/query.c server/answer/edns.c server/answer/client.c \
        server/answer/steer.c server/answer/hint.c server/answer/reply.c server/answer/opt.c server/answer/cookie.c \
        server/answer/rrl.c server/transfer/aside.c server/transfer/transfer.c server/transfer/tsig.c zones/image/image.c zones/image/image_rr.c ;;
    batch) echo health/batch.c health/batch_checks.c health/check.c health/field.c ;;
    channel) echo server/process/channel.c ;;
    edns) echo server/answer/edns.c server/answer/opt.c server/answer/cookie.c ;;
    framer) echo server/transport/framer.c ;;
    geo) echo geoip/geo.c ;;
    image) echo zones/image/image.c zones/image/image_check.c zones/image/image_rr.c zones/compile/journal.c server/answer/reply.c ;;
    journal) echo zones/image/image_check.c server/transfer/aside.c server/transfer/transfer.c ;;
    ip) echo common/ip.c ;;
    key) echo health/key.c common/base64.c ;;
    manifest) echo zones/image/manifest.c ;;
    message) echo server/control/api_message.c health/intake.c server/control/verdicts_votes.c ;;
    mmdb) echo geoip/database.c geoip/mmdb.c geoip/record.c geoip/fields.c ;;
    name) echo common/name.c ;;
    option) echo common/option.c ;;
    policy) echo geoip/sets.c geoip/nets.c geoip/classes.c geoip/build.c geoip/overlay.c geoip/emit.c ;;
    proxy) echo server/transport/proxy.c ;;
    query) echo server/answer/query.c ;;
    rdata) echo zones/rdata/rdata.c zones/rdata/svcb.c ;;
    saved) echo geoip/saved.c geoip/tree.c geoip/intern.c ;;
    tortext) echo geoip/tortext.c ;;
    tsig) echo server/transfer/tsig.c ;;
    zonefile) echo zones/file/zonefile_import.c zones/file/zonefile_export.c zones/file/zonetext.c zones/compile/zone_check.c zones/compile/draft.c zones/compile/blob.c zones/rdata/svcb.c zones/rdata/rdata.c ;;
    zonetext) echo zones/file/zonetext.c ;;
    *) echo "coverage.sh does not know what files fuzz_$1 is for" >&2; exit 1 ;;
    esac
}

[ $# -gt 0 ] || set -- $(cd "$src/tests/fuzz" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
make -s -j2 -f "$src/tests/fuzz/build.mk" src="$src" build="$build" engine=coverage targets="$*"
for target; do
    ln -sf "fuzz_$target" "$dir/replay_$target"
    LLVM_PROFILE_FILE=$dir/$target.raw "$dir/replay_$target"
    llvm-profdata merge -o "$dir/$target.profile" "$dir/$target.raw"
    for file in $(files "$target"); do
        llvm-cov report "$dir/fuzz_$target" -instr-profile="$dir/$target.profile" -show-functions "$src/$file" |
            awk -v file="$file" '$1 == "TOTAL" { print "  " $7, file } $4 == "0.00%" { print "         never:", $1 }'
    done
done
