#include "zones/file/zonefile_export.h"
#include "zones/file/zonefile_import.h"

#include "store_fixture.h"
#include "zones/rdata/rdata.h"

#include <sys/stat.h>

static enum err import_file(const struct fixture *fixture, const char *path, const char *zone,
                            struct diag *diag)
{
    struct store *store = fixture_writer(fixture);
    struct zonefile_import_counts counts;
    const enum err err = zonefile_import(path, zone, store, &counts, diag);
    store_close(&store);
    return err;
}

static void data_path(const char *name, char path[256])
{
    const char *srcdir = getenv("srcdir");
    (void)snprintf(path, 256, "%s/tests/data/store/%s", srcdir ? srcdir : ".", name);
}

static void write_file(const struct fixture *fixture, const char *name, const char *text, char path[64])
{
    (void)snprintf(path, 64, "%s/%s", fixture->dir, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), OK);
}

static void test_every_way_of_writing_becomes_rows(void **state)
{
    struct fixture *fixture = *state;
    char path[256];
    struct diag diag = {.text = ""};
    data_path("full.zone", path);
    if (import_file(fixture, path, "example.com", &diag) != OK)
        fail_msg("%s", diag.text);
    const char *rows[] = {
        "@ NS ns1.example.com. ttl=-",
        "@ NS ns2.example.org. ttl=300",
        "ns1 A 192.0.2.1 ttl=-",
        "ns1 AAAA 2001:db8::1 ttl=-",
        "mail MX 10 mx.example.com. ttl=300",
        "mail MX 20 mx2.example.org. ttl=60",
        "txt TXT \"a ; b\" \"quote \\\" inside\" \"plain\" ttl=-",
        "txt TXT \"over\" \"lines\" ttl=-",
        "*.wild CNAME ns1.example.com. ttl=-",
        "a\\.b A 192.0.2.2 ttl=-",
        "_sip._udp SRV 0 5 5060 sip.example.com. ttl=-",
        "unknown TYPE65280 \\# 4 0a000001 ttl=-",
        "caa CAA 0 issue \"ca.example.net\" ttl=-",
        "hinted SVCB 1 www.example.com. port=8443 ipv4hint=auto ipv6hint=auto ttl=-",
        "host.deep A 192.0.2.4 ttl=-",
        "host.inc A 192.0.2.5 ttl=90",
        "inc TXT \"the origin of the include\" ttl=90",
        "after A 192.0.2.6 ttl=-",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *sql =
            sqlite3_mprintf("SELECT count(*) FROM record WHERE zone = 'example.com' AND"
                            " name || ' ' || type || ' ' || data || ' ttl=' || coalesce(ttl, '-') = %Q",
                            rows[i]);
        if (fixture_number(fixture, sql) != 1)
            fail_msg("no row %s", rows[i]);
        sqlite3_free(sql);
    }
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM record WHERE zone = 'example.com'"),
                     sizeof rows / sizeof rows[0] + 1); /* and the HTTPS record */
    assert_int_equal(fixture_number(fixture,
                                    "SELECT count(*) FROM zone WHERE name = 'example.com'"
                                    " AND mname = 'ns1.example.com' AND rname = 'Host.Master@Example.NET'"
                                    " AND ttl = 3600 AND refresh = 7200 AND retry = 900 AND expire = 1209600"
                                    " AND negative_ttl = 60 AND serial > 2026112001"),
                     1);
}

static void test_what_was_imported_parses_as_the_compiler_reads_it(void **state)
{
    struct fixture *fixture = *state;
    char path[256];
    data_path("full.zone", path);
    assert_int_equal(import_file(fixture, path, "example.com", NULL), OK);
    struct store *store;
    struct store_rows rows;
    struct store_record record;
    static uint8_t rdata[RDATA_MAX];
    const uint8_t root[] = {0};
    assert_int_equal(store_open_read(fixture->path, &store, NULL), OK);
    store_records(store, "example.com", &rows);
    while (store_record_next(&rows, &record)) {
        uint16_t type;
        size_t len;
        assert_int_equal(rdata_type_parse(record.type, &type, NULL), OK);
        assert_int_equal(rdata_parse(type, record.data, root, rdata, &len, NULL), OK);
    }
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    store_close(&store);
}

static void export_file(const struct fixture *fixture, const char *zone, char path[64])
{
    struct store *store;
    struct diag diag = {.text = ""};
    (void)snprintf(path, 64, "%s/exported", fixture->dir);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    assert_int_equal(store_open_read(fixture->path, &store, NULL), OK);
    if (zonefile_export(store, zone, to, &diag) != OK)
        fail_msg("%s", diag.text);
    store_close(&store);
    assert_int_equal(fclose(to), 0);
}

static void test_an_export_imports_as_the_same_rows(void **state)
{
    struct fixture *fixture = *state;
    char path[256], exported[64];
    struct diag diag = {.text = ""};
    data_path("full.zone", path);
    assert_int_equal(import_file(fixture, path, "example.com", NULL), OK);
    fixture_run(fixture,
                "CREATE TABLE old AS SELECT * FROM record; CREATE TABLE oldzone AS SELECT * FROM zone");
    export_file(fixture, "example.com", exported);
    /* Into a store that has the zone nothing changes, not even the serial. */
    const int64_t audits = fixture_number(fixture, "SELECT count(*) FROM audit");
    if (import_file(fixture, exported, "example.com", &diag) != OK)
        fail_msg("%s", diag.text);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit"), audits);
    assert_int_equal(
        fixture_number(fixture, "SELECT count(*) FROM (SELECT * FROM zone EXCEPT SELECT * FROM oldzone)"), 0);
    /* And into one that has not the rows are the same. */
    fixture_run(fixture,
                "DELETE FROM record WHERE zone = 'example.com'; DELETE FROM zone WHERE name = 'example.com'");
    assert_int_equal(import_file(fixture, exported, "example.com", NULL), OK);
    assert_int_equal(
        fixture_number(fixture, "SELECT count(*) FROM (SELECT * FROM record EXCEPT SELECT * FROM old)"), 0);
    assert_int_equal(
        fixture_number(fixture, "SELECT count(*) FROM (SELECT * FROM old EXCEPT SELECT * FROM record)"), 0);
    assert_int_equal(
        fixture_number(
            fixture,
            "SELECT count(*) FROM (SELECT name, mname, rname, ttl, negative_ttl, refresh, retry, expire"
            " FROM zone EXCEPT SELECT name, mname, rname, ttl, negative_ttl, refresh, retry, expire"
            " FROM oldzone)"),
        0);
}

/* What the row of the zone and its records would be served as. */
static void test_an_export_escapes_what_a_zone_file_takes_for_its_own(void **state)
{
    static const struct {
        const char *name, *type, *data, *name_again, *data_again;
    } cases[] = {
        {"a;b\\.c", "A", "192.0.2.1", "a\\;b\\.c", "192.0.2.1"},
        {"$x\\.y", "A", "192.0.2.2", "\\$x\\.y", "192.0.2.2"},
        {"q\"\\.y", "A", "192.0.2.3", "q\\\"\\.y", "192.0.2.3"},
        {"p(\\.y", "A", "192.0.2.4", "p\\(\\.y", "192.0.2.4"},
        {"closed", "TXT", "a (b) c", "closed", "\"a\" \"b\" \"c\""},
        {"quoted", "TXT", "\"f(x)\"", "quoted", "\"f(x)\""},
    };
    struct fixture *fixture = *state;
    char path[64];
    struct diag diag = {.text = ""};
    fixture_run(fixture, "UPDATE zone SET rname = 'a;\\.b.c@example.com' WHERE name = 'gslb.example.com'");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *sql = sqlite3_mprintf("INSERT INTO record(zone, name, type, data)"
                                    " VALUES ('gslb.example.com', %Q, %Q, %Q)",
                                    cases[i].name, cases[i].type, cases[i].data);
        fixture_run(fixture, sql);
        sqlite3_free(sql);
    }
    export_file(fixture, "gslb.example.com", path);
    if (import_file(fixture, path, "gslb.example.com", &diag) != OK)
        fail_msg("%s", diag.text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *sql = sqlite3_mprintf("SELECT count(*) FROM record WHERE zone = 'gslb.example.com'"
                                    " AND name = %Q AND data = %Q",
                                    cases[i].name_again, cases[i].data_again);
        if (fixture_number(fixture, sql) != 1)
            fail_msg("no row %s %s", cases[i].name_again, cases[i].data_again);
        sqlite3_free(sql);
    }
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM zone WHERE name = 'gslb.example.com'"
                                             " AND rname = 'a\\;\\.b\\.c.example.com'"),
                     1);
}

static void test_an_export_tells_the_services_in_comments(void **state)
{
    struct fixture *fixture = *state;
    char path[64];
    struct buffer text;
    export_file(fixture, "gslb.example.com", path);
    assert_int_equal(file_read(path, 1 << 20, &text, NULL), OK);
    const char *exported = (const char *)text.bytes;
    assert_non_null(strstr(exported, "\n; service www.gslb.example.com. is steered by policy global\n"));
    assert_non_null(strstr(exported, "SOA\tns1.gslb.example.com. hostmaster.example.com. "));
    assert_non_null(strstr(exported, "\nns1\tIN\tA\t192.0.2.53\n"));
    buffer_fini(&text);
}

static void test_an_export_of_what_does_not_parse_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;
    struct diag diag;
    fixture_run(
        fixture,
        "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'x', 'TXT', '\"open')");
    assert_int_equal(store_open_read(fixture->path, &store, NULL), OK);
    FILE *to = fopen("/dev/null", "w");
    assert_int_equal(zonefile_export(store, "gslb.example.com", to, &diag), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, "record \"x\" TXT cannot be exported"));
    assert_int_equal(zonefile_export(store, "example.org", to, &diag), ERR_MISSING);
    assert_int_equal(fclose(to), 0);
    store_close(&store);
}

static void test_a_mistake_names_its_line_and_nothing_is_imported(void **state)
{
#define SOA "@ 60 SOA ns1 h 1 2 3 4 5\n"
    struct fixture *fixture = *state;
    const struct {
        const char *text, *words;
    } cases[] = {
        {"", " has no records"},
        {"; nothing\n\n", " has no records"},
        {"\n@ 60 A 192.0.2.1\n", ":2: the first record has to be the SOA"},
        {SOA "a A 192.0.2.256\n", ":2: A: \"192.0.2.256\" is not an IPv4 address"},
        {SOA "\n(\n\n)a MX 70000 mx\n", ":3: MX: \"70000\" is not a number"},
        {SOA "a A 192.0.2.1\nb.example.org. A 192.0.2.1\n",
         ":3: \"b.example.org\" is not in zone \"example.com\""},
        {"@ SOA ns1 h 1 2 3 4 5\n" SOA "www.example.org. 5 SOA a b 1 2 3 4 5\n", ":3: a second SOA"},
        {"www.example.com. 60 SOA ns1 h 1 2 3 4 5\n", ":1: the SOA is not of zone"},
        {SOA "a NOTYPE x\n", ":2: there is no type \"NOTYPE\""},
        {SOA "a 60 IN\n", ":2: the type is missing"},
        {SOA "a CH TXT x\n", ":2: class CH"},
        {SOA "a 99999999999 A 192.0.2.1\n", ":2: \"99999999999\" is not a TTL"},
        {SOA "a 1y A 192.0.2.1\n", ":2: \"1y\" is not a TTL"},
        {SOA "a TXT \"open\n", ":2: a quote is open"},
        {SOA "a TXT ( x\n\n", ":2: the file ends before a parenthesis closes"},
        {SOA "a TXT x )\n", ":2: a \")\" without"},
        {"  60 SOA ns1 h 1 2 3 4 5\n", ":1: the line begins with white space"},
        {SOA "$GENERATE 1-3 a$ A 192.0.2.$\n", ":2: \"$GENERATE\" is not one of"},
        {SOA "$TTL soon\n", ":2: $TTL takes"},
        {SOA "$ORIGIN\n", ":2: a name is empty"},
        {SOA "$INCLUDE\n", ":2: $INCLUDE without a file"},
        {SOA "$INCLUDE missing.zone\n", ":2: cannot open "},
        {SOA "$INCLUDE \"bad.inc\"\n", "/bad.inc:2: A: "},
        {SOA "$INCLUDE self.inc\n", "/self.inc:1: more than 8 files"},
        {SOA "a..b A 192.0.2.1\n", ":2: name \"a..b\" has an empty label"},
        {SOA "a A 192.0.2.1\n", ": example.com NS: the zone has no NS record at its apex"},
        {SOA "@ NS ns1\na A 192.0.2.1\na CNAME b\n", ": a.example.com CNAME: a CNAME stands alone"},
        {SOA "@ NS ns1\na DNAME b\nA DNAME c\n", ": a.example.com DNAME: a name has at most one DNAME"},
        {SOA "@ NS ns1\na DNAME b\nx.a A 192.0.2.1\n", ": x.a.example.com: nothing may stand below"},
        {SOA "@ NS ns1\n*.a NS b\n", ": *.a.example.com NS: this type has no meaning at a wildcard"},
        {SOA "www.gslb A 192.0.2.1\n", ":2: record: \"www.gslb.example.com\" is a service"},
    };
    char path[64], bad[64], self[64];
    write_file(fixture, "bad.inc", "ok A 192.0.2.1\nbad A x\n", bad);
    write_file(fixture, "self.inc", "$INCLUDE self.inc\n", self);
    fixture_run(
        fixture,
        "INSERT INTO zone(name, mname, rname) VALUES ('example.com', 'ns1.example.com', 'h@example.com');"
        "INSERT INTO record(zone, name, type, data) VALUES ('example.com', 'stays', 'A', '192.0.2.9')");
    const int64_t audits = fixture_number(fixture, "SELECT count(*) FROM audit");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct diag diag = {.text = ""};
        write_file(fixture, "zone", cases[i].text, path);
        if (import_file(fixture, path, "example.com", &diag) == OK)
            fail_msg("imported: %s", cases[i].text);
        if (!strstr(diag.text, cases[i].words) || strncmp(diag.text, fixture->dir, strlen(fixture->dir)) != 0)
            fail_msg("%s  gives: %s\n  not:   %s", cases[i].text, diag.text, cases[i].words);
        assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit"), audits);
    }
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM record WHERE name = 'stays'"), 1);
#undef SOA
}

static void test_a_nul_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[64];
    struct diag diag;
    (void)snprintf(path, sizeof path, "%s/zone", fixture->dir);
    assert_int_equal(file_replace(path, "@ SOA\0 a", 8, 0600, NULL), OK);
    assert_int_equal(import_file(fixture, path, "example.com", &diag), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, ":1: a NUL"));
    assert_int_equal(import_file(fixture, "/nonexistent", "example.com", &diag), ERR_MISSING);
    assert_int_equal(import_file(fixture, path, "a..b", &diag), ERR_SYNTAX);
}

static void test_a_second_import_replaces_the_records(void **state)
{
    struct fixture *fixture = *state;
    char path[64];
    write_file(fixture, "zone", "@ 60 SOA ns1 h 7 2 3 4 5\n@ NS x\na A 192.0.2.1\nb 5 A 192.0.2.2\n", path);
    assert_int_equal(import_file(fixture, path, "example.com", NULL), OK);
    const int64_t serial = fixture_number(fixture, "SELECT serial FROM zone WHERE name = 'example.com'");
    write_file(fixture, "zone", "@ 60 SOA ns1 h 3 2 3 4 5\n@ NS x\nb 6 A 192.0.2.2\nc A 192.0.2.3\n", path);
    assert_int_equal(import_file(fixture, path, "example.com", NULL), OK);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM record WHERE zone = 'example.com'"), 3);
    assert_int_equal(
        fixture_number(fixture, "SELECT ttl FROM record WHERE zone = 'example.com' AND name = 'b'"), 6);
    assert_true(fixture_number(fixture, "SELECT serial FROM zone WHERE name = 'example.com'") > serial);
    write_file(fixture, "zone", "@ 60 SOA ns1 h 3000000000 2 3 4 5\n@ NS x\n"
                               "b 6 A 192.0.2.2\nc A 192.0.2.3\n", path);
    assert_int_equal(import_file(fixture, path, "example.com", NULL), OK);
    assert_true(fixture_number(fixture, "SELECT serial FROM zone WHERE name = 'example.com'") > 3000000000);
}

static void test_the_root_goes_in_and_out(void **state)
{
    struct fixture *fixture = *state;
    char path[64], text[512] = "";
    struct diag diag = {.text = ""};
    write_file(fixture, "root.zone",
               "$TTL 60\n. SOA ns1.com. h.a.com. 5 1 2 3 4\n. NS ns1.com.\ncom NS "
               "ns1.com.\nns1.com. A 192.0.2.1\n",
               path);
    if (import_file(fixture, path, ".", &diag) != OK)
        fail_msg("%s", diag.text);
    assert_int_equal(
        fixture_number(
            fixture,
            "SELECT count(*) FROM record WHERE zone = '.' AND name IN ('@', 'com', 'ns1.com')"),
        3);
    struct store *store = fixture_reader(fixture);
    FILE *to = fmemopen(text, sizeof text, "w");
    assert_non_null(to);
    assert_int_equal(zonefile_export(store, ".", to, NULL), OK);
    (void)fclose(to);
    store_close(&store);
    assert_non_null(strstr(text, "$ORIGIN .\n$TTL 60\n@\tIN\tSOA\tns1.com. h.a.com. "));
    assert_non_null(strstr(text, "\nns1.com\tIN\tA\t192.0.2.1\n"));
    const int64_t audits = fixture_number(fixture, "SELECT count(*) FROM audit");
    write_file(fixture, "again.zone", text, path);
    assert_int_equal(import_file(fixture, path, ".", NULL), OK);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit"),
                     audits); /* nothing has changed */
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup_session, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_every_way_of_writing_becomes_rows),
        test(test_what_was_imported_parses_as_the_compiler_reads_it),
        test(test_an_export_imports_as_the_same_rows),
        test(test_an_export_escapes_what_a_zone_file_takes_for_its_own),
        test(test_an_export_tells_the_services_in_comments),
        test(test_an_export_of_what_does_not_parse_is_refused),
        test(test_a_mistake_names_its_line_and_nothing_is_imported),
        test(test_a_nul_is_refused),
        test(test_the_root_goes_in_and_out),
        test(test_a_second_import_replaces_the_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
