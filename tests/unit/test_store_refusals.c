/* tests/unit/test_store_refusals.c - what the triggers of the store refuse, and in which words. */
#include "store_fixture.h"

/* A statement that the store of the first session refuses, and the words of the refusal. */
static const struct {
    const char *sql;
    const char *words;
} refusals[] = {
    /* zone */
    {"INSERT INTO zone(name, mname, rname) VALUES ('Example.com', 'ns1.example.com', 'h@example.com')",
     "zone: name \"Example.com\" has upper-case letters; write \"example.com\""},
    {"INSERT INTO zone(name, mname, rname) VALUES ('example.com.', 'ns1.example.com', 'h@example.com')",
     "zone: name \"example.com.\" ends in a dot; write \"example.com\""},
    {"INSERT INTO zone(name, mname, rname) VALUES ('', 'ns1.example.com', 'h@example.com')",
     "zone: name is empty"},
    {"INSERT INTO zone(name, mname, rname) VALUES (NULL, 'ns1.example.com', 'h@example.com')",
     "zone: name is empty"},
    {"INSERT INTO zone(name, mname, rname) VALUES ('a..com', 'ns1.example.com', 'h@example.com')",
     "empty label"},
    {"INSERT INTO zone(name, mname, rname) VALUES ('a b.com', 'ns1.example.com', 'h@example.com')",
     "may hold only"},
    {"INSERT INTO zone(name, mname, rname) VALUES ('a.com', 'Ns1.example.com', 'h@example.com')",
     "zone: mname"},
    {"INSERT INTO zone(name, mname, rname) VALUES ('a.com', 'ns1.example.com', 'h@')", "zone: rname \"h@\""},
    {"INSERT INTO zone(name, mname, rname) VALUES ('a.com', 'ns1.example.com', NULL)",
     "zone: rname of \"a.com\""},
    {"INSERT INTO zone(name, mname, rname)"
     " VALUES (hex(zeroblob(32)) || '.com', 'ns1.example.com', 'h@a.com')",
     "label of more than 63"},
    {"INSERT INTO zone(name, mname, rname)"
     " VALUES (replace(hex(zeroblob(64)), '0', 'a.') || 'com', 'ns1.a.com', 'h@a.com')",
     "at most 253"},
    {"UPDATE zone SET ttl = -1", "zone: ttl -1 of \"gslb.example.com\""},
    {"UPDATE zone SET expire = 2147483648", "zone: expire 2147483648"},
    {"UPDATE zone SET serial = 4294967296", "zone: serial 4294967296"},
    {"UPDATE zone SET serial = -1", "zone: serial -1"},
    {"UPDATE zone SET name = 'other.example.com'", "zone: \"gslb.example.com\" cannot be renamed"},
    {"DELETE FROM zone", "zone: \"gslb.example.com\" still has 2 records"},
    {"DELETE FROM record; DELETE FROM zone", "still has services, such as \"www.gslb.example.com\""},
    {"UPDATE zone SET ttl = 'soon'", "cannot store TEXT value in INTEGER column zone.ttl"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.1'); DELETE FROM endpoint;"
     " DELETE FROM pool; DELETE FROM service; DELETE FROM record; DELETE FROM zone",
     "zone: \"gslb.example.com\" may still be copied; delete its rows from transfer first"},
    {"INSERT INTO notify(zone, address) VALUES ('gslb.example.com', '192.0.2.1'); DELETE FROM endpoint;"
     " DELETE FROM pool; DELETE FROM service; DELETE FROM record; DELETE FROM zone",
     "is still told of to \"192.0.2.1\""},
    {"INSERT INTO zone(name, mname, rname) VALUES ('..', 'ns1.example.com', 'h@example.com')",
     "ends in a dot"},
    {"INSERT INTO zone(name, mname, rname) VALUES ('a.com', '.', 'h@example.com')",
     "zone: mname \".\" ends in a dot"},
    /* transfer, notify, tsig_key */
    {"INSERT INTO transfer(zone, net) VALUES ('a.com', '192.0.2.1')", "transfer: there is no zone \"a.com\""},
    {"INSERT INTO transfer(zone) VALUES ('gslb.example.com')",
     "open to everybody; give a net, a key, or both"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', 'ns2.example.com')", "is not a network"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.0/33')", "is not a network"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.0/08')", "is not a network"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '2001:db8::/129')", "is not a network"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.256/24')",
     "is not an IPv4 address"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '')", "is not a network"},
    {"INSERT INTO transfer(zone, key) VALUES ('gslb.example.com', 'k')",
     "transfer: there is no key \"k\"; insert it"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '::1'), ('gslb.example.com', '::1')",
     "UNIQUE"},
    {"INSERT INTO notify(zone, address) VALUES ('a.com', '192.0.2.1')", "notify: there is no zone \"a.com\""},
    {"INSERT INTO notify(zone, address) VALUES ('gslb.example.com', 'ns2.example.com')", "is not an address"},
    {"INSERT INTO notify(zone, address) VALUES ('gslb.example.com', '1.2.3')", "is not an IPv4 address"},
    {"INSERT INTO notify(zone, address, port) VALUES ('gslb.example.com', '::1', 0)",
     "notify: port 0 of \"::1\""},
    {"INSERT INTO notify(zone, address, key) VALUES ('gslb.example.com', '::1', 'k')",
     "notify: there is no key \"k\""},
    {"INSERT INTO tsig_key(name, secret) VALUES ('K', 'AAAAAAAAAAAAAAAAAAAAAA==')",
     "tsig_key: name \"K\" has upper"},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAA=')",
     "secret of \"k\" is not base64"},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAA*A==')",
     "secret of \"k\" is not base64"},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAA')", "has not 16 to 256 bytes"},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', '')", "has not 16 to 256 bytes"},
    {"INSERT INTO tsig_key VALUES ('k', 'hmac-md5', 'AAAAAAAAAAAAAAAAAAAAAA==')",
     "tsig_key: algorithm \"hmac-md5\""},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAA==');"
     " UPDATE tsig_key SET name = 'l'",
     "tsig_key: \"k\" cannot be renamed"},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAA==');"
     " INSERT INTO transfer(zone, key) VALUES ('gslb.example.com', 'k'); DELETE FROM tsig_key",
     "tsig_key: \"k\" is still needed to copy \"gslb.example.com\""},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAA==');"
     " INSERT INTO notify(zone, address, key) VALUES ('gslb.example.com', '::1', 'k'); DELETE FROM tsig_key",
     "tsig_key: \"k\" still signs what \"::1\" is told"},
    /* record */
    {"INSERT INTO record(zone, name, type, data) VALUES ('a.com', '@', 'NS', 'ns1.a.com.')",
     "record: there is no zone \"a.com\"; insert it into zone first"},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', '', 'NS', 'ns1.a.com.')",
     "write @"},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'Ns', 'A', '192.0.2.1')",
     "write \"ns\""},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'ns.a.com.', 'A', '192.0.2.1')",
     "record: name \"ns.a.com.\" ends in a dot; write it relative to \"gslb.example.com\""},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a b', 'A', '192.0.2.1')",
     "\"a b\""},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a..b', 'A', '192.0.2.1')",
     "\"a..b\""},
    {"INSERT INTO record(zone, name, type, data)"
     " VALUES ('gslb.example.com', hex(zeroblob(32)), 'A', '192.0.2.1')",
     "too long"},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'ns', 'a', '192.0.2.1')",
     "record: type \"a\" of \"ns\""},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', '@', 'SOA', 'x')",
     "its row in zone"},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', '@', 'ANY', 'x')",
     "type of queries"},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'ns', 'A', ' ')",
     "one line of text"},
    {"INSERT INTO record(zone, name, type, data)"
     " VALUES ('gslb.example.com', 'ns', 'TXT', 'a' || char(10) || 'b')",
     "one line of text"},
    {"UPDATE record SET ttl = -5 WHERE name = 'ns1'", "record: ttl -5 of \"ns1\""},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'www', 'A', '192.0.2.1')",
     "record: \"www.gslb.example.com\" is a service, which makes its A"},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'www', 'CNAME', 'a.com.')",
     "is a service"},
    {"UPDATE record SET name = 'www' WHERE name = 'ns1'", "is a service"},
    {"INSERT INTO record VALUES ('gslb.example.com', 'x', 'A', '192.0.2.1', 300)", "record.ttl"},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'ns1', 'A', '192.0.2.53')",
     "record.zone, record.name, record.type, record.data"},
    /* region */
    {"INSERT INTO region(name) VALUES ('EU-west')",
     "region: name \"EU-west\" has upper-case letters; write \"eu-west\""},
    {"INSERT INTO region(name) VALUES ('e u')", "region: name \"e u\" may hold only"},
    {"INSERT INTO region(name) VALUES ('')", "region: name is empty"},
    {"UPDATE region SET state = 'Drain'",
     "region: state \"Drain\" of \"eu\" is not one of auto, up, drain and down"},
    {"UPDATE region SET until = unixepoch() * 1000 WHERE name = 'eu'", "unix time in seconds"},
    {"UPDATE region SET latitude = 50", "region: \"eu\" has one coordinate of two"},
    {"UPDATE region SET latitude = 91, longitude = 0", "region: latitude 91.0 of \"eu\""},
    {"UPDATE region SET latitude = 0, longitude = -181", "region: longitude -181.0 of \"eu\""},
    {"UPDATE region SET monitor = 'web'", "region: \"eu\" has a monitor without a target"},
    {"UPDATE region SET monitor = 'x', target = '192.0.2.1'", "region: there is no monitor \"x\""},
    {"UPDATE region SET monitor = 'web', target = '192.0.2.999'", "region: target \"192.0.2.999\""},
    {"UPDATE region SET name = 'de' WHERE name = 'eu'", "region: \"eu\" cannot be renamed"},
    {"DELETE FROM region WHERE name = 'eu'",
     "region: \"eu\" still has a pool of service \"www.gslb.example.com\""},
    {"DELETE FROM endpoint; DELETE FROM pool; DELETE FROM region",
     "region: \"eu\" is still in a rule of policy \"global\""},
    {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 255)"
     " INSERT INTO region(name) SELECT 'r' || i FROM n",
     "at most 256 regions"},
    /* monitor */
    {"INSERT INTO monitor(name, type) VALUES ('m', 'icmp')",
     "monitor: type \"icmp\" of \"m\" is not one that probers know; write tcp, http or https"},
    {"INSERT INTO monitor(name, type, host) VALUES ('m', 'dns', 'a.com')", "monitor: type \"dns\" of \"m\""},
    {"UPDATE monitor SET type = NULL", "monitor: type \"\" of \"web\""},
    {"INSERT INTO monitor(name, type) VALUES ('m', 'tcp')", "monitor: \"m\" is of type tcp and has no port"},
    {"UPDATE monitor SET port = 0", "monitor: port 0 of \"web\""},
    {"UPDATE monitor SET port = 65536", "monitor: port 65536"},
    {"UPDATE monitor SET host = 'a b'", "monitor: host \"a b\""},
    {"UPDATE monitor SET path = 'healthz'", "monitor: path \"healthz\" of \"web\" does not begin with \"/\""},
    {"UPDATE monitor SET path = '/a' || char(13) || char(10) || 'Evil: 1'", "monitor: path"},
    {"UPDATE monitor SET method = 'get'", "monitor: method \"get\""},
    {"UPDATE monitor SET expect_status = '2xx'", "monitor: expect_status \"2xx\""},
    {"UPDATE monitor SET expect_status = '200,'", "monitor: expect_status \"200,\""},
    {"UPDATE monitor SET expect_status = ''", "monitor: expect_status \"\""},
    {"UPDATE monitor SET expect_status = '399-200'", "monitor: expect_status \"399-200\""},
    {"UPDATE monitor SET expect_status = '200-1000'", "monitor: expect_status"},
    {"UPDATE monitor SET expect_status = '200,201,202,203,204,205,206,207,208'",
     "has more than 8 codes and ranges"},
    {"UPDATE monitor SET expect_body = ''", "monitor: expect_body of \"web\" has 0 bytes"},
    {"UPDATE monitor SET expect_body = replace(hex(zeroblob(257)), '00', 'ää')",
     "monitor: expect_body of \"web\" has 1028 bytes"},
    {"UPDATE monitor SET path = '/' || hex(zeroblob(1024))",
     "monitor: path of \"web\" has 2049 characters; shorten it to 2047"},
    {"UPDATE monitor SET host = hex(zeroblob(128))", "is not a host name"},
    {"UPDATE monitor SET tls_verify = 2", "monitor: tls_verify 2"},
    {"UPDATE monitor SET interval_s = 0.0999, timeout_s = 0.05",
     "monitor: interval_s 0.0999 of \"web\" is outside 0.1 to 86400"},
    {"UPDATE monitor SET interval_s = 86400.1", "monitor: interval_s 86400.1"},
    {"UPDATE monitor SET timeout_s = 0.0099", "monitor: timeout_s 0.0099 of \"web\" is below 0.01"},
    {"UPDATE monitor SET timeout_s = 11",
     "monitor: timeout_s 11.0 of \"web\" is above its interval_s 10.0; lower it or raise the interval"},
    {"UPDATE monitor SET fall = 0", "monitor: fall 0"},
    {"UPDATE monitor SET rise = 0", "monitor: rise 0"},
    {"UPDATE monitor SET latency_max_ms = 0", "monitor: latency_max_ms 0"},
    {"UPDATE monitor SET latency_max_ms = 600001",
     "monitor: latency_max_ms 600001 of \"web\" is outside 1 to 600000"},
    {"UPDATE monitor SET quorum = 0", "monitor: quorum \"0\" of \"web\""},
    {"UPDATE monitor SET quorum = 'most'", "monitor: quorum \"most\""},
    {"UPDATE monitor SET quorum = -1", "monitor: quorum \"-1\""},
    {"UPDATE monitor SET name = 'x'", "monitor: \"web\" cannot be renamed"},
    {"DELETE FROM monitor", "monitor: \"web\" is still used by service \"www.gslb.example.com\""},
    {"UPDATE region SET monitor = 'web', target = '192.0.2.1'; UPDATE service SET monitor = NULL;"
     " DELETE FROM monitor",
     "monitor: \"web\" is still used by region \"eu\""},
    /* policy, rule */
    {"INSERT INTO policy(name, method) VALUES ('p', 'random')", "policy: method \"random\" of \"p\""},
    {"INSERT INTO policy(name, geofence) VALUES ('p', 2)", "policy: geofence 2"},
    {"UPDATE policy SET name = 'p'", "policy: \"global\" cannot be renamed"},
    {"DELETE FROM policy", "policy: \"global\" is still used by service"},
    {"DELETE FROM endpoint; DELETE FROM pool; DELETE FROM service; DELETE FROM policy",
     "policy: \"global\" still has rules"},
    {"INSERT INTO rule(policy, client, region) VALUES ('p', 'default', 'eu')",
     "rule: there is no policy \"p\""},
    {"INSERT INTO rule(policy, client, region) VALUES ('global', 'default', 'ap')",
     "rule: there is no region \"ap\""},
    {"UPDATE rule SET tier = 0", "rule: tier 0 of \"continent:EU\""},
    {"UPDATE rule SET weight = -1", "rule: weight -1 of \"continent:EU\""},
    {"UPDATE rule SET client = 'continent:XX' WHERE client = 'default'",
     "rule: client \"continent:XX\" is not a continent"},
    {"UPDATE rule SET client = 'country:de' WHERE client = 'default'", "such as country:DE"},
    {"UPDATE rule SET client = 'subdivision:CA' WHERE client = 'default'", "such as subdivision:US-CA"},
    {"UPDATE rule SET client = 'asn:AS1' WHERE client = 'default'", "such as asn:64500"},
    {"UPDATE rule SET client = 'asn:4294967296' WHERE client = 'default'", "1 to 4294967295"},
    {"UPDATE rule SET client = 'net:192.0.2.0' WHERE client = 'default'", "write ADDRESS/BITS"},
    {"UPDATE rule SET client = 'net:192.0.2.0/33' WHERE client = 'default'", "write ADDRESS/BITS"},
    {"UPDATE rule SET client = 'net:192.0.300.0/24' WHERE client = 'default'",
     "rule: client \"192.0.300.0\""},
    {"UPDATE rule SET client = 'net:2001:db8::/129' WHERE client = 'default'", "write ADDRESS/BITS"},
    {"UPDATE rule SET client = 'net:localhost/8' WHERE client = 'default'", "write ADDRESS/BITS"},
    {"UPDATE rule SET client = 'net:10.0.0.1/8' WHERE client = 'default'",
     "rule: client \"net:10.0.0.1/8\" has bits set behind its /8; write \"net:10.0.0.0/8\""},
    {"UPDATE rule SET client = 'net:192.0.2.255/31' WHERE client = 'default'",
     "rule: client \"net:192.0.2.255/31\" has bits set behind its /31; write \"net:192.0.2.254/31\""},
    {"UPDATE rule SET client = 'net:255.255.255.255/0' WHERE client = 'default'",
     "rule: client \"net:255.255.255.255/0\" has bits set behind its /0; write \"net:0.0.0.0/0\""},
    {"UPDATE rule SET client = 'net:128.0.0.1/1' WHERE client = 'default'",
     "rule: client \"net:128.0.0.1/1\" has bits set behind its /1; write \"net:128.0.0.0/1\""},
    {"UPDATE rule SET client = 'net:2001:db8::1/32' WHERE client = 'default'",
     "rule: client \"net:2001:db8::1/32\" has bits set behind its /32; write \"net:2001:db8::/32\""},
    {"UPDATE rule SET client = 'net:2001:db8:ffff::/36' WHERE client = 'default'",
     "rule: client \"net:2001:db8:ffff::/36\" has bits set behind its /36; write \"net:2001:db8:f000::/36\""},
    {"UPDATE rule SET client = 'net:2001:db8:0:ffff::/51' WHERE client = 'default'",
     "rule: client \"net:2001:db8:0:ffff::/51\" has bits set behind its /51;"
     " write \"net:2001:db8:0:e000::/51\""},
    {"UPDATE rule SET client = 'net:::1/0' WHERE client = 'default'",
     "rule: client \"net:::1/0\" has bits set behind its /0; write \"net:::/0\""},
    {"UPDATE rule SET client = 'net:1:2:3:4:5:6:7:ff/127' WHERE client = 'default'",
     "rule: client \"net:1:2:3:4:5:6:7:ff/127\" has bits set behind its /127;"
     " write \"net:1:2:3:4:5:6:7:fe/127\""},
    {"UPDATE rule SET client = 'net:1:2:3:4:5:6:7:8/112' WHERE client = 'default'",
     "rule: client \"net:1:2:3:4:5:6:7:8/112\" has bits set behind its /112;"
     " write \"net:1:2:3:4:5:6:7::/112\""},
    {"UPDATE rule SET client = 'net:ffff::/3' WHERE client = 'default'",
     "rule: client \"net:ffff::/3\" has bits set behind its /3; write \"net:e000::/3\""},
    {"UPDATE rule SET client = 'net:1::2:3/64' WHERE client = 'default'",
     "rule: client \"net:1::2:3/64\" has bits set behind its /64; write \"net:1::/64\""},
    {"UPDATE rule SET client = 'country:UK' WHERE client = 'default'",
     "not in ISO 3166, so it would match nobody; write \"country:GB\""},
    {"UPDATE rule SET client = 'country:EL' WHERE client = 'default'", "write \"country:GR\""},
    {"UPDATE rule SET client = 'everyone' WHERE client = 'default'",
     "rule: client \"everyone\" is not default"},
    {"UPDATE rule SET client = NULL WHERE client = 'default'", "rule: client \"\""},
    /* service */
    {"INSERT INTO service(name, policy) VALUES ('www.example.org', 'global')",
     "service: there is no zone for \"www.example.org\"; insert one that it is in, such as \"example.org\""},
    {"INSERT INTO service(name, policy) VALUES ('WWW.gslb.example.com', 'global')", "upper-case letters"},
    {"INSERT INTO service(name, policy) VALUES ('a.gslb.example.com', 'p')",
     "service: there is no policy \"p\""},
    {"INSERT INTO service(name, policy) VALUES ('*.*.gslb.example.com', 'global')", "may hold only letters"},
    {"INSERT INTO service(name, policy) VALUES ('a*.gslb.example.com', 'global')", "may hold only letters"},
    {"INSERT INTO service(name, policy) VALUES ('*..gslb.example.com', 'global')", "has an empty label"},
    {"INSERT INTO service(name, policy) VALUES ('*.apps.gslb.example.com', 'global');"
     "INSERT INTO record(zone, name, type, data)"
     " VALUES ('gslb.example.com', '*.apps', 'A', '192.0.2.1')",
     "record: \"*.apps.gslb.example.com\" is a service"},
    {"INSERT INTO service(name) VALUES ('a.gslb.example.com')",
     "service: \"a.gslb.example.com\" has no policy"},
    {"INSERT INTO service(name, policy) VALUES ('ns1.gslb.example.com', 'global')",
     "service: there is already a record \"ns1\" of type A in zone \"gslb.example.com\""},
    {"UPDATE service SET monitor = 'm'", "service: there is no monitor \"m\""},
    {"UPDATE service SET ttl = -1", "service: ttl -1"},
    {"UPDATE service SET answers = -1", "service: answers -1"},
    {"UPDATE service SET sticky = 'ip'", "service: sticky \"ip\""},
    {"UPDATE service SET all_down = 'panic'", "service: all_down \"panic\""},
    {"UPDATE service SET panic_below = 50", "service: panic_below 50.0"},
    {"UPDATE service SET name = 'a.gslb.example.com'", "service: \"www.gslb.example.com\" cannot be renamed"},
    {"DELETE FROM service", "service: \"www.gslb.example.com\" still has a pool in \"eu\""},
    /* pool */
    {"INSERT INTO pool(service, region) VALUES ('a.gslb.example.com', 'eu')",
     "pool: there is no service \"a.gslb.example.com\"; insert it into service first"},
    {"INSERT INTO pool(service, region) VALUES ('www.gslb.example.com', 'ap')",
     "pool: there is no region \"ap\""},
    {"UPDATE pool SET weight = -1", "pool: weight -1 of \"www.gslb.example.com\" in \"eu\""},
    {"UPDATE pool SET min_up = 0", "pool: min_up 0"},
    {"UPDATE pool SET state = 'off'", "pool: state \"off\" of \"www.gslb.example.com eu\""},
    {"UPDATE pool SET region = 'us' WHERE region = 'eu'",
     "pool: \"www.gslb.example.com\" in \"eu\" cannot be moved"},
    {"DELETE FROM pool", "pool: \"www.gslb.example.com\" in \"eu\" still has endpoint \"198.51.100.1\""},
    {"UPDATE pool SET weight = 'heavy'", "cannot store TEXT value in INTEGER column pool.weight"},
    {"INSERT INTO pool(service, region) VALUES ('www.gslb.example.com', 'eu')", "pool.service, pool.region"},
    /* endpoint */
    {"INSERT INTO endpoint(service, region, address) VALUES ('a.gslb.example.com', 'eu', '192.0.2.1')",
     "endpoint: there is no service \"a.gslb.example.com\""},
    {"INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'ap', '192.0.2.1')",
     "endpoint: there is no region \"ap\""},
    {"DELETE FROM endpoint; DELETE FROM pool;"
     "INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', '192.0.2.1')",
     "endpoint: service \"www.gslb.example.com\" has no pool in \"eu\"; insert it into pool first"},
    {"UPDATE endpoint SET weight = -1", "endpoint: weight -1 of \"198.51.100.1\""},
    {"UPDATE endpoint SET state = 'x'", "endpoint: state \"x\" of \"198.51.100.1\""},
    {"UPDATE endpoint SET address = ''", "endpoint: address"},
    {"UPDATE endpoint SET address = '198.51.100'", "endpoint: address \"198.51.100\" is not an IPv4 address"},
    {"UPDATE endpoint SET address = '198.51.100.256'", "is not an IPv4 address"},
    {"UPDATE endpoint SET address = '198.51.100.01'", "is not an IPv4 address"},
    {"UPDATE endpoint SET address = '2001:DB8::1'", "write \"2001:db8::1\""},
    {"UPDATE endpoint SET address = '2001:db8::1::2'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '2001:db8:1:2:3:4:5'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '2001:db8::12345'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '::g'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '1::2:3:4:5:6:7:8'", "\"1::2:3:4:5:6:7:8\" is not an IPv6 address"},
    {"UPDATE endpoint SET address = '::ffff:192.0.2'", "\"::ffff:192.0.2\" is not an IPv6 address"},
    {"UPDATE endpoint SET address = '::ffff:192.0.2.256'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '::ffff:192.0.2.01'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '::ffff:192.0.2.1e1'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '1.2.3.4::'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '1:2:3:4:5:6::192.0.2.1'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = '198.51.100.1:80'", "is not an IPv6 address"},
    {"UPDATE endpoint SET address = 'cdn.example.net.'",
     "endpoint: address \"cdn.example.net.\" ends in a dot"},
    {"UPDATE endpoint SET address = 'http://a'", "endpoint: address \"http://a\""},
    {"UPDATE endpoint SET check_address = '1.2.3'", "endpoint: check_address \"1.2.3\""},
    {"UPDATE endpoint SET address = '*.example.net'", "address \"*.example.net\" may hold only letters"},
    {"UPDATE endpoint SET address = 'www.gslb.example.com'", "cannot be an endpoint of itself"},
    {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'www', 'TXT', 'x');"
     "UPDATE endpoint SET address = 'cdn.example.net'", "endpoint: \"www.gslb.example.com\" has records"},
    {"UPDATE endpoint SET address = 'cdn.example.net';"
     "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'www', 'TXT', 'x')",
     "is a service with a host name for an endpoint"},
    {"INSERT INTO service(name, policy) VALUES ('gslb.example.com', 'global');"
     "INSERT INTO pool(service, region) VALUES ('gslb.example.com', 'eu');"
     "INSERT INTO endpoint(service, region, address) VALUES ('gslb.example.com', 'eu', 'cdn.example.net')",
     "endpoint: \"gslb.example.com\" is a zone"},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.53/24')",
     "transfer: net \"192.0.2.53/24\" has bits set behind its /24; write \"192.0.2.0/24\""},
    {"INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '2001:db8::53/32')",
     "transfer: net \"2001:db8::53/32\" has bits set behind its /32; write \"2001:db8::/32\""},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAB==')",
     "tsig_key: secret of \"k\" is not base64"},
    {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAAAAAAB=')",
     "tsig_key: secret of \"k\" is not base64"},
    /* vantage */
    {"INSERT INTO vantage(name, public_key) VALUES ('v', 'AAAA')",
     "vantage: public_key of \"v\" is not 32 bytes"},
    {"INSERT INTO vantage(name, public_key) VALUES ('v', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=')",
     "not 32 bytes"},
    {"INSERT INTO vantage(name, public_key) VALUES ('v', 'AAAAAAAAAAAAAAAAAAAAA-AAAAAAAAAAAAAAAAAAAAA=')",
     "not 32 bytes"},
    {"INSERT INTO vantage(name, public_key) VALUES ('v', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='),"
     " ('w', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=')", "vantage: \"w\" has the public_key of \"v\""},
    {"INSERT INTO vantage(name, public_key, asn)"
     " VALUES ('v', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 0)",
     "vantage: asn 0"},
    {"INSERT INTO vantage(name, public_key, enabled)"
     " VALUES ('v', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 2)",
     "vantage: enabled 2"},
    {"INSERT INTO vantage(name, public_key, latitude)"
     " VALUES ('v', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 2)",
     "vantage: \"v\" has one coordinate"},
    {FIXTURE_VANTAGES("65"),
     "vantage: \"v65\" would be the 65th; a store holds at most 64 vantage points, disabled ones too"},
    /* audit */
    {"UPDATE audit SET key = ''", "audit: rows are never changed"},
    {"DELETE FROM audit", "audit: rows are never deleted"},
};

static void test_a_mistake_is_refused_in_words_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        fixture_run(fixture, "BEGIN");
        const char *text = fixture_try(fixture, refusals[i].sql);
        if (!text)
            fail_msg("not refused: %s", refusals[i].sql);
        if (!strstr(text, refusals[i].words))
            fail_msg("%s\n  gives: %s\n  not:   %s", refusals[i].sql, text, refusals[i].words);
        fixture_run(fixture, "ROLLBACK");
    }
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit"), 19);
}

static void test_a_refused_row_takes_its_statement_back_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "BEGIN; INSERT INTO region(name) VALUES ('ap')");
    assert_non_null(fixture_try(fixture, "INSERT INTO region(name) VALUES ('sa'), ('AF')"));
    assert_non_null(fixture_try(fixture, "DELETE FROM region"));
    fixture_run(fixture, "COMMIT");
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM region"
                                             " WHERE name IN ('eu', 'us', 'ap')"),
                     3);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM region"), 3);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup_session, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_mistake_is_refused_in_words_and_changes_nothing),
        test(test_a_refused_row_takes_its_statement_back_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
