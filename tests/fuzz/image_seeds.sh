#!/bin/sh
# Make the seeds of fuzz_image anew after a change of zones/image.h: packs that gslbd compiles, without their frames.
# usage: image_seeds.sh SRCDIR BUILDDIR
set -eu
src=$(cd "$1" && pwd) build=$(cd "$2" && pwd)
corpus=$src/tests/fuzz/corpus/image
dir=$(mktemp -d)
gslbd= port=$((20000 + $$ % 10000))
finish()
{
    [ -z "$gslbd" ] || kill "$gslbd" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

# Start gslbd with the store `$1.db`, wait for its world, and keep the pack of its only zone as seed `$1`.
seed()
{
    "$build/server/gslbd" --store "$dir/$1.db" --state "$dir/$1" --listen "127.0.0.1@$port" --control "127.0.0.1@$((port + 1))" \
        --workers 1 2>"$dir/log" &
    gslbd=$!
    tries=100
    until [ -s "$dir/$1/manifest.json" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { cat "$dir/log" >&2; exit 1; }
        sleep 0.1
    done
    kill "$gslbd"
    wait "$gslbd" || true
    gslbd=
    tail -c +33 "$dir/$1"/images/pack-*.img >"$corpus/$1"
}

"$build/ctl/gslbctl" --store "$dir/services.db" init
sqlite3 "$dir/services.db" <"$src/tests/data/store/first_session.sql"
sqlite3 "$dir/services.db" "INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', '2001:db8:e::1');
    INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'www', 'HTTPS', '1 . alpn=h2 ipv4hint=auto ipv6hint=auto');
    INSERT INTO service(name, policy) VALUES ('cdn.gslb.example.com', 'global');
    INSERT INTO pool(service, region) VALUES ('cdn.gslb.example.com', 'eu');
    INSERT INTO endpoint(service, region, address) VALUES ('cdn.gslb.example.com', 'eu', 'edge.example.net');"
seed services

cat >"$dir/zone" <<'ZONE'
$TTL 300
@    SOA ns hostmaster.dns.example.net. 1 7200 1800 1209600 60
@    NS  ns
@    NS  ns1.dns.example.net.
@    NS  ns2.dns.example.net.
ns   A   192.0.2.1
@    MX  10 mail
@    MX  20 mail.sub
mail AAAA 2001:db8::1
sub  NS  ns.sub
sub  NS  sub
sub  NS  ns
sub  A   192.0.2.2
ns.sub A 192.0.2.3
_s._tcp SRV 1 2 3 mail
*.w  MX  10 x.w
*.w  CAA 0 issue "ca.example"
a.b  CNAME *.w
dn   DNAME b
ZONE
"$build/ctl/gslbctl" --store "$dir/names.db" init
"$build/ctl/gslbctl" --store "$dir/names.db" import "$dir/zone" --zone example.com >/dev/null
sqlite3 "$dir/names.db" "INSERT INTO tsig_key(name, secret) VALUES ('k.example', 'c2VjcmV0c2VjcmV0c2VjcmV0');
    INSERT INTO transfer(zone, net, key) VALUES ('example.com', '192.0.2.0/24', 'k.example');
    INSERT INTO notify(zone, address, port) VALUES ('example.com', '2001:db8::53', 53);"
seed names
