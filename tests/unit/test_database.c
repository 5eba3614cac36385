/* Databases of all makers, and files that are none. */
#include "geoip/database.h"

#include "tests/geo_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct expected {
    const char *file;
    const char *address;
    const char *country;
    const char *continent;
    const char *subdivisions[2];
    uint32_t asn;
    double latitude; /* 99: none */
    double longitude;
};

static const struct expected expectations[] = {
    {"GeoIP2-City-Test.mmdb", "2.125.160.216", "GB", "EU", {"GB-ENG", "GB-WBK"}, 0, 51.75, -1.25},
    {"GeoIP2-City-Test.mmdb", "::ffff:216.160.83.56", "US", "NA", {"US-WA"}, 0, 47.2513, -122.3149},
    {"GeoIP2-City-Test.mmdb",
     "2002:d8a0:5338::1",
     "US",
     "NA",
     {"US-WA"},
     0,
     47.2513,
     -122.3149}, /* 6to4 */
    {"GeoIP2-City-Test.mmdb", "127.0.0.1", "", "", {NULL}, 0, 99, 0},
    {"GeoLite2-ASN-Test.mmdb", "1.0.0.1", "", "", {NULL}, 15169, 99, 0},
    {"dbip-city.mmdb", "192.0.2.1", "US", "NA", {NULL}, 0, 37.3861, -122.084},
    {"dbip-city.mmdb", "2001:db8::1", "GB", "EU", {"GB-ENG", "GB-WBK"}, 0, 99, 0},
    {"dbip-city.mmdb", "198.51.100.1", "", "", {NULL}, 0, 99, 0}, /* only registered there */
    {"ipinfo-lite.mmdb", "192.0.2.1", "DE", "EU", {NULL}, 64500, 99, 0},
    {"ipinfo-lite.mmdb", "2001:db8::1", "BR", "SA", {NULL}, 4200000000, 99, 0},
    {"ipinfo-country-asn.mmdb", "192.0.2.1", "DE", "EU", {NULL}, 64500, 99, 0},
    {"ipinfo-country-asn.mmdb",
     "198.51.100.1",
     "",
     "",
     {NULL},
     0,
     99,
     0}, /* neither AS number nor country */
    {"ipinfo-location.mmdb", "192.0.2.1", "US", "NA", {"US-CA"}, 0, 37.4056, -122.0775},
    {"ipinfo-location.mmdb", "198.51.100.1", "BR", "SA", {"BR-SP"}, 0, -23.5475, -46.6361},
    {"ipinfo-location.mmdb",
     "203.0.113.1",
     "DE",
     "EU",
     {NULL},
     0,
     99,
     0}, /* a name, and no such latitude */
    {"ipinfo-location.mmdb", "100.64.0.1", "DE", "EU", {NULL}, 0, 99, 0}, /* no such longitude */
    {"ipinfo-location.mmdb", "100.64.1.1", "DE", "EU", {NULL}, 0, 99, 0},
    {"size-24-v4.mmdb", "198.51.100.7", "FR", "EU", {NULL}, 0, 99, 0},
    {"size-28-v4.mmdb", "224.0.0.0", "AQ", "AN", {NULL}, 0, 99, 0},
    {"size-32-v4.mmdb", "198.51.100.6", "", "", {NULL}, 0, 99, 0},
    {"size-32-v4.mmdb", "2001:db8::1", "", "", {NULL}, 0, 99, 0},
    {"size-28-v6.mmdb", "2a00::1", "ZA", "AF", {NULL}, 0, 99, 0},
    {"size-28-v6.mmdb", "1.0.2.9", "CN", "AS", {NULL}, 0, 99, 0},
    {"v4-above.mmdb", "198.51.100.6", "SE", "EU", {NULL}, 0, 99, 0},
    {"v4-none.mmdb", "198.51.100.6", "", "", {NULL}, 0, 99, 0},
};

static void expect_facts(const struct expected *want, const struct facts *got)
{
    assert_string_equal(got->country, want->country);
    assert_string_equal(got->continent, want->continent);
    for (unsigned i = 0; i < 2; i++)
        assert_string_equal(got->subdivisions[i],
                            want->subdivisions[i] ? want->subdivisions[i] : "");
    assert_int_equal(got->asn, want->asn);
    assert_int_equal(got->has_place, want->latitude <= 90);
    if (got->has_place) {
        assert_true(fabs(got->latitude - want->latitude) < 1e-9);
        assert_true(fabs(got->longitude - want->longitude) < 1e-9);
    }
}

static void test_fields_of_every_maker_are_understood(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "mmdb/%s", expectations[i].file);
        struct source *source = geo_fixture_source(name);
        expect_facts(&expectations[i], geo_fixture_facts(source, expectations[i].address));
        source_free(&source);
    }
}

/* Opening `path` must fail with a sentence that names it and tells `told`. */
static void expect_refusal(const char *path, enum err wanted, const char *told)
{
    struct source *source = NULL;
    struct diag diag;
    assert_int_equal(database_read(path, &source, &diag), wanted);
    assert_null(source);
    if (!strstr(diag.text, told) || !strstr(diag.text, path))
        fail_msg("\"%s\" does not tell \"%s\"", diag.text, told);
}

static void test_a_file_that_is_no_geo_database_is_refused_with_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum err err;
        const char *told;
    } cases[] = {
        {"mmdb/MaxMind-DB-test-broken-search-tree-24.mmdb", ERR_CORRUPT,
         "broken search tree: node "},
        {"mmdb/MaxMind-DB-no-ipv4-search-tree.mmdb", ERR_REFUSED, "no record has a country"},
        {"mmdb/MaxMind-DB-test-ipv4-24.mmdb", ERR_REFUSED,
         "is a database of type Test: no record has a country"},
        {"mmdb/README.md", ERR_SYNTAX, "no MMDB metadata at its end, and as text, line 3 "},
        {"mmdb", ERR_REFUSED, "is not a regular file"},
        {"mmdb/none", ERR_MISSING, "cannot open"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[GEO_FIXTURE_PATH_MAX];
        expect_refusal(geo_fixture_path(cases[i].name, path), cases[i].err, cases[i].told);
    }
}

/* A file in memory; its path is of use until the descriptor is closed. */
static int memory_file(const void *bytes, size_t len, char path[64])
{
    const int fd = memfd_create("geo", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void test_empty_and_binary_files_are_refused(void **state)
{
    (void)state;
    char path[64];
    int fd = memory_file("", 0, path);
    expect_refusal(path, ERR_SYNTAX, "is no geo database");
    close(fd);
    fd = memory_file("\0\1\2\3\xff\xfe\n\0\0", 9, path);
    expect_refusal(path, ERR_SYNTAX, "is no geo database");
    close(fd);
    fd = memory_file("\xab\xcd\xefMaxMind.com", 14, path);
    expect_refusal(path, ERR_CORRUPT, "is cut short or damaged");
    close(fd);
}

static size_t read_whole(const char *name, uint8_t *bytes, size_t cap)
{
    char path[GEO_FIXTURE_PATH_MAX];
    FILE *file = fopen(geo_fixture_path(name, path), "r");
    assert_non_null(file);
    const size_t len = fread(bytes, 1, cap, file);
    fclose(file);
    assert_true(len > 0 && len < cap);
    return len;
}

static void test_no_cut_of_a_database_is_taken_for_a_whole_one(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    const size_t len = read_whole("mmdb/size-24-v4.mmdb", bytes, sizeof bytes);
    for (size_t cut = 0; cut < len; cut++) {
        char path[64];
        struct source *source = NULL;
        struct diag diag;
        const int fd = memory_file(bytes, cut, path);
        assert_int_not_equal(database_read(path, &source, &diag), OK);
        assert_null(source);
        assert_non_null(strstr(diag.text, path));
        close(fd);
    }
}

/* Whatever single byte is damaged, opening ends, with a sentence or with a source. */
static void test_a_damaged_byte_never_crashes(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    const size_t len = read_whole("mmdb/ipinfo-location.mmdb", bytes, sizeof bytes);
    unsigned refused = 0;
    for (size_t i = 0; i < len; i++) {
        char path[64];
        struct source *source = NULL;
        struct diag diag = {{0}};
        bytes[i] ^= 0xff;
        const int fd = memory_file(bytes, len, path);
        if (database_read(path, &source, &diag) != OK) {
            assert_int_not_equal(diag.text[0], '\0');
            refused++;
        }
        source_free(&source);
        close(fd);
        bytes[i] ^= 0xff;
    }
    assert_true(refused > 0 && refused < len);
}

/* Write an IPv4 database of 24-bit records whose every datum is {"country": "DE"}; returns its length. */
static size_t write_database(const uint32_t (*nodes)[2], uint32_t count, uint8_t *bytes)
{
    static const uint8_t record[] = "\xe1\x47" "country\x42" "DE";
    static const uint8_t counted[] = "\xab\xcd\xefMaxMind.com\xe9\x4anode_count\xc1"; /* and the count */
    static const uint8_t about[] =
        "\x4brecord_size\xa1\x18" "\x4aip_version\xa1\x04" "\x4d" "database_type\x41x"
        "\x49languages\0\x04" "\x4b" "build_epoch\x01\x02\x01" "\x4b" "description\xe0"
        "\x5b" "binary_format_major_version\xa1\x02" "\x5b" "binary_format_minor_version\xa1\0";
    uint8_t *at = bytes;
    for (uint32_t i = 0; i < 2 * count; i++) {
        const uint32_t to = nodes[i / 2][i % 2];
        *at++ = (uint8_t)(to >> 16);
        *at++ = (uint8_t)(to >> 8);
        *at++ = (uint8_t)to;
    }
    memset(at, 0, 16);
    at = mempcpy(at + 16, record, sizeof record - 1);
    at = mempcpy(at, counted, sizeof counted - 1);
    *at++ = (uint8_t)count;
    at = mempcpy(at, about, sizeof about - 1);
    return (size_t)(at - bytes);
}

enum {
    CHAIN_COUNT = 31,
    NODES_COUNT = CHAIN_COUNT + 2,
    EMPTY = NODES_COUNT,
    DATUM = NODES_COUNT + 16
};

/* A chain of nodes down the right side; nodes 31 and 32 are a tree of height 2 at its left, at depth 1. */
static void make_chain(uint32_t nodes[NODES_COUNT][2])
{
    for (uint32_t i = 0; i < CHAIN_COUNT; i++) {
        nodes[i][0] = EMPTY;
        nodes[i][1] = i + 1 < CHAIN_COUNT ? i + 1 : DATUM;
    }
    nodes[0][0] = CHAIN_COUNT;
    nodes[CHAIN_COUNT][0] = CHAIN_COUNT + 1;
    nodes[CHAIN_COUNT][1] = EMPTY;
    nodes[CHAIN_COUNT + 1][0] = DATUM;
    nodes[CHAIN_COUNT + 1][1] = EMPTY;
}

static void test_a_tree_deeper_than_an_address_is_refused_however_it_is_reached(void **state)
{
    (void)state;
    static const struct {
        uint32_t last; /* where the end of the chain, at depth 31, leads */
        enum err err;
    } cases[] = {
        {DATUM, OK},
        {CHAIN_COUNT + 1, OK},          /* height 1: all 32 bits */
        {CHAIN_COUNT, ERR_CORRUPT},     /* height 2, met before where it fits */
        {CHAIN_COUNT - 1, ERR_CORRUPT}, /* itself */
        {1, ERR_CORRUPT},               /* a loop */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t nodes[NODES_COUNT][2];
        uint8_t bytes[1024];
        char path[64];
        struct source *source = NULL;
        struct diag diag;
        make_chain(nodes);
        nodes[CHAIN_COUNT - 1][1] = cases[i].last;
        const size_t len = write_database((const uint32_t(*)[2])nodes, NODES_COUNT, bytes);
        const int fd = memory_file(bytes, len, path);
        const enum err err = database_read(path, &source, &diag);
        if (err != cases[i].err)
            fail_msg("case %u: %d %s", i, err, err == OK ? "" : diag.text);
        if (err == OK)
            assert_string_equal(geo_fixture_facts(source, "0.0.0.1")->country, "DE");
        else
            assert_non_null(strstr(diag.text, "is deeper than an address has bits"));
        source_free(&source);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_every_maker_are_understood),
        cmocka_unit_test(test_a_file_that_is_no_geo_database_is_refused_with_its_name),
        cmocka_unit_test(test_empty_and_binary_files_are_refused),
        cmocka_unit_test(test_no_cut_of_a_database_is_taken_for_a_whole_one),
        cmocka_unit_test(test_a_damaged_byte_never_crashes),
        cmocka_unit_test(test_a_tree_deeper_than_an_address_is_refused_however_it_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
