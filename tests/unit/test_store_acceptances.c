/* tests/unit/test_store_acceptances.c - what the triggers of the store let in, up to their limits. */
#include "store_fixture.h"

/* A statement that the store of the first session takes. */
static const char *const acceptances[] = {
    "INSERT INTO zone(name, mname, rname)"
    " VALUES ('0/25.2.0.192.in-addr.arpa', 'ns1.example.com', 'host\\.master.example.com')",
    "INSERT INTO zone(name, mname, rname)"
    " VALUES ('www.gslb.example.com', 'ns1.example.com', 'h@example.com')",
    "INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAA==');"
    "INSERT INTO transfer(zone, net, key)"
    " VALUES ('gslb.example.com', '192.0.2.0/24', 'k'), ('gslb.example.com', NULL, 'k'),"
    " ('gslb.example.com', '::1', NULL), ('gslb.example.com', '2001:db8::/32', NULL);"
    "INSERT INTO notify(zone, address, port, key) VALUES ('gslb.example.com', '192.0.2.1', 5353, 'k');"
    "UPDATE tsig_key SET algorithm = 'hmac-sha512', secret = 'BBBBBBBBBBBBBBBBBBBBBA==';"
    "DELETE FROM notify; DELETE FROM transfer; DELETE FROM tsig_key",
    "INSERT INTO record(zone, name, type, data)"
    " VALUES ('gslb.example.com', 'www', 'TXT', '\"beside a service\"')",
    "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', '*', 'A', '192.0.2.1')",
    "INSERT INTO record(zone, name, type, data)"
    " VALUES ('gslb.example.com', '_sip._udp', 'SRV', '0 0 5060 ns1')",
    "INSERT INTO record(zone, name, type, data)"
    " VALUES ('gslb.example.com', 'a\\.b', 'TYPE65280', '\\# 1 00')",
    "INSERT INTO record(zone, name, type, ttl, data)"
    " VALUES ('gslb.example.com', 'zero', 'A', 0, '192.0.2.1')",
    "UPDATE record SET data = '192.0.2.54' WHERE name = 'ns1'",
    "DELETE FROM record WHERE name = 'ns1'",
    "UPDATE region SET latitude = 48.1, longitude = 11.6, monitor = 'web', target = '2001:db8::1'",
    "UPDATE region SET state = 'down', until = NULL",
    "UPDATE monitor SET interval_s = 0.5, timeout_s = 0.5, quorum = 3, latency_max_ms = 250,"
    " expect_status = '200,204,300-399'",
    "UPDATE monitor SET type = 'https', port = NULL",
    "UPDATE monitor SET type = 'tcp'",
    "UPDATE monitor SET path = '/' || hex(zeroblob(1023)), host = 'a' || hex(zeroblob(127)),"
    " expect_body = hex(zeroblob(512)), expect_status = '200,201,202,203,204,205,206,207-299'",
    "UPDATE monitor SET interval_s = 0.1, timeout_s = 0.01, latency_max_ms = 600000",
    "UPDATE monitor SET interval_s = 86400, timeout_s = 86400, latency_max_ms = NULL",
    "UPDATE rule SET client = 'country:DE' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'subdivision:US-CA' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'subdivision:GB-ENG' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'asn:4294967295' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:192.0.2.0/24' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:0.0.0.0/0' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:2001:db8::/32' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:::/0' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:192.0.2.255/32' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:192.0.2.254/31' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:128.0.0.0/1' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:2001:db8::1/128' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:1:2:3:4:5:6:7:8/125' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:1:2:3:4:5:6:7::/112' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:8000::/1' WHERE client = 'continent:EU'",
    "UPDATE rule SET client = 'net:::ffff:198.51.100.0/120' WHERE client = 'continent:EU'",
    "UPDATE rule SET weight = 0, tier = 9",
    "INSERT INTO service(name, policy)"
    " VALUES ('gslb.example.com', 'global'), ('deep.er.gslb.example.com', 'global')",
    "INSERT INTO service(name, policy) VALUES ('*.apps.gslb.example.com', 'global');"
    "INSERT INTO pool(service, region) VALUES ('*.apps.gslb.example.com', 'eu');"
    "INSERT INTO endpoint(service, region, address)"
    " VALUES ('*.apps.gslb.example.com', 'eu', '192.0.2.1')",
    "UPDATE service SET monitor = NULL, answers = 2, sticky = 'client', all_down = 'servfail',"
    " panic_below = 0.5",
    "UPDATE pool SET weight = 0, min_up = 2, state = 'drain', until = unixepoch() + 60",
    "UPDATE endpoint SET address = 'cdn.example.net'",
    "UPDATE endpoint SET address = '2001:db8::1', check_address = '10.0.0.1'",
    "UPDATE endpoint SET address = '::'",
    "UPDATE endpoint SET address = '1:2:3:4:5:6:7:8'",
    "UPDATE endpoint SET address = '1:2:3:4:5:6:7::'",
    "UPDATE endpoint SET address = '64:ff9b::192.0.2.1'",
    "UPDATE endpoint SET address = '1:2:3:4:5:6:192.0.2.1'",
    "UPDATE endpoint SET address = '1:2:3:4:5::192.0.2.1'",
    "UPDATE endpoint SET address = '::192.0.2.1'",
    "INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', '198.51.100.1')"
    " ON CONFLICT DO UPDATE SET weight = 3",
    "INSERT INTO vantage(name, public_key, latitude, longitude, asn)"
    " VALUES ('v', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', -33.9, 151.2, 64500)",
    FIXTURE_VANTAGES("64") "; UPDATE vantage SET enabled = 1 WHERE name = 'v64'",
    FIXTURE_VANTAGES("2") "; UPDATE vantage SET name = 'ams' WHERE name = 'v2'",
    "DELETE FROM endpoint; DELETE FROM pool; DELETE FROM service; DELETE FROM rule; DELETE FROM policy;"
    " DELETE FROM monitor; DELETE FROM region; DELETE FROM record; DELETE FROM zone",
};

static void test_what_is_right_is_let_in(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof acceptances / sizeof acceptances[0]; i++) {
        fixture_run(fixture, "BEGIN");
        fixture_run(fixture, acceptances[i]);
        fixture_run(fixture, "ROLLBACK");
    }
}

static void test_a_policy_holds_so_many_rules_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    const char *one_more = "INSERT INTO rule(policy, client, region) VALUES ('p', 'asn:70000', 'eu')";
    const char *words =
        "rule: client \"asn:70000\" of policy \"p\" would be the 65537th; a policy holds at most 65536 rules";
    const char *const refused[] = {
        one_more,
        "INSERT OR REPLACE INTO rule(policy, client, region) VALUES ('p', 'asn:70000', 'eu')",
        "INSERT INTO rule(policy, client, region) VALUES ('global', 'asn:70000', 'eu');"
        "UPDATE rule SET policy = 'p' WHERE client = 'asn:70000'",
    };
    fixture_run(fixture, "INSERT INTO policy(name) VALUES ('p');"
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 65536)"
                         " INSERT INTO rule(policy, client, region) SELECT 'p', 'asn:' || i, 'eu' FROM n");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        fixture_run(fixture, "BEGIN");
        const char *text = fixture_try(fixture, refused[i]);
        if (!text || !strstr(text, words))
            fail_msg("%s\n  gives: %s", refused[i], text ? text : "nothing");
        fixture_run(fixture, "ROLLBACK");
    }
    /* A row in the place of another is none more, nor is one after another has gone or moved. */
    fixture_run(fixture, "INSERT OR REPLACE INTO rule(policy, client, region, tier)"
                         " SELECT 'p', 'asn:' || value, 'eu', 2 FROM json_each('[1, 2, 3]');"
                         "INSERT INTO rule(policy, client, region) VALUES ('p', 'asn:1', 'eu')"
                         " ON CONFLICT DO UPDATE SET tier = 3;"
                         "UPDATE rule SET policy = 'global' WHERE client = 'asn:1'");
    fixture_run(fixture, one_more);
    fixture_run(fixture, "DELETE FROM rule WHERE client = 'asn:70000'");
    fixture_run(fixture, one_more);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM rule WHERE policy = 'p'"), 65536);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup_session, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_what_is_right_is_let_in),
        test(test_a_policy_holds_so_many_rules_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
