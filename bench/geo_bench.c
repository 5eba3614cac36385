/* bench/geo_bench.c - what a geo image costs: time and memory to make it, bytes, and ns for a
 * lookup.
 *
 *    geo_bench FILE...               images of three policies from these databases
 *    geo_bench --mmdb FILE FILE...   first, ns for a country by libmaxminddb from the one FILE
 */
#include "geoip/build.h"
#include "geoip/database.h"
#include "geoip/geo.h"
#include "geoip/saved.h"

#include "common/rng.h"

#include <malloc.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_COUNT = 1 << 20, ROUNDS = 8, SOURCES_MAX = 8, COUNTRY_RULES_MAX = 300 };

static const char codes[] = "AD AE AF AG AL AM AO AR AT AU AZ BA BB BD BE BF BG BH BI BJ BN BO BR "
                            "BS BT BW BY BZ CA CD CF CG "
                            "CH CI CL CM CN CO CR CU CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET "
                            "FI FJ FM FR GA GB GD GE GH "
                            "GM GN GQ GR GT GW GY HK HN HR HT HU ID IE IL IN IQ IR IS IT JM JO JP "
                            "KE KG KH KI KM KN KP KR KW "
                            "KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MH MK ML MM MN MR "
                            "MT MU MV MW MX MY MZ NA NE "
                            "NG NI NL NO NP NR NZ OM PA PE PG PH PK PL PS PT PW PY QA RO RS RU RW "
                            "SA SB SC SD SE SG SI SK SL "
                            "SM SN SO SR SS ST SV SY SZ TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA "
                            "UG US UY UZ VA VC VE VN VU "
                            "WS YE ZA ZM ZW";

static double now_s(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double peak_mib(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static void fail(const struct diag *diag)
{
    fprintf(stderr, "geo_bench: %s\n", diag->text);
    exit(1);
}

/* Random clients, half of each family, those of IPv6 where the registries give out addresses. */
static struct ip *make_clients(void)
{
    struct rng rng;
    rng_init(&rng, 1);
    struct ip *clients = calloc(CLIENTS_COUNT, sizeof *clients);
    for (size_t i = 0; clients && i < CLIENTS_COUNT; i++) {
        const uint64_t bits[2] = {rng_u64(&rng), rng_u64(&rng)};
        clients[i].family = i % 2 ? IP_V4 : IP_V6;
        memcpy(clients[i].bytes, bits, i % 2 ? 4 : 16);
        if (i % 2 == 0) {
            clients[i].bytes[0] = (uint8_t)(0x24 + 2 * (clients[i].bytes[0] & 3));
            clients[i].bytes[1] &= 0x0f;
        }
    }
    return clients;
}

static void measure_find(const struct geo *geo, const struct ip *clients, unsigned family)
{
    uint64_t sum = 0;
    size_t count = 0;
    const double start = now_s();
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = family == IP_V4; i < CLIENTS_COUNT; i += 2, count++)
            sum += geo_find(geo, &clients[i]).class;
    }
    printf("    geo_find IPv%u        %6.1f ns (sum of classes %llu)\n", family,
           (now_s() - start) / (double)count * 1e9, (unsigned long long)sum);
}

/* As an edit of a weight does. */
static void measure_choices(const struct policy *policy, struct source *const *sources,
                            size_t count, const struct buffer *last)
{
    uint64_t identities[SOURCES_MAX];
    struct buffer image;
    struct diag diag;
    for (size_t i = 0; i < count; i++)
        identities[i] = sources[i]->identity;
    const double start = now_s();
    if (build_choices(policy, last->bytes, last->len, identities, count, &image, &diag) != OK)
        fail(&diag);
    printf("    build_choices        %6.1f ms\n", (now_s() - start) * 1e3);
    buffer_fini(&image);
}

static void measure_policy(const struct policy *policy, struct source *const *sources, size_t count,
                           const struct ip *clients)
{
    struct buffer image;
    struct geo geo;
    struct diag diag;
    const double start = now_s();
    if (build_geo(policy, sources, count, &image, &diag) != OK)
        fail(&diag);
    const double built = now_s();
    if (geo_open(image.bytes, image.len, &geo, &diag) != OK)
        fail(&diag);
    printf("  %s: %zu rules, %u sets, %u classes\n", policy->name, policy->rules_count,
           geo.sets_count, geo.classes_count);
    printf("    build_geo            %6.1f ms, geo_open %.1f ms\n", (built - start) * 1e3,
           (now_s() - built) * 1e3);
    printf("    image                %6.2f MiB, peak memory so far %.1f MiB\n",
           (double)image.len / (1 << 20), peak_mib());
    measure_choices(policy, sources, count, &image);
    measure_find(&geo, clients, IP_V4);
    measure_find(&geo, clients, IP_V6);
    buffer_fini(&image);
}

static void measure_policies(struct source *const *sources, size_t count, const struct ip *clients)
{
    static char texts[COUNTRY_RULES_MAX][16];
    static char name_country[] = "country, 10 regions";
    static char name_continent[] = "continent, 7 regions";
    static char name_default[] = "default only";
    static char clients_continent[][16] = {"continent:AF", "continent:AN", "continent:AS",
                                           "continent:EU", "continent:NA", "continent:OC",
                                           "continent:SA", "default"};
    struct policy_rule rules[COUNTRY_RULES_MAX];
    size_t used = 0;
    for (const char *p = codes; used < COUNTRY_RULES_MAX && strlen(p) >= 2;
         p += p[2] ? 3 : 2, used++) {
        (void)snprintf(texts[used], sizeof texts[used], "country:%.2s", p);
        rules[used] =
            (struct policy_rule){texts[used], (uint16_t)(used % 10), 1, POLICY_WEIGHT_OF_POOL};
    }
    struct policy policy = {.name = name_country, .rules = rules, .rules_count = used};
    measure_policy(&policy, sources, count, clients);
    for (size_t i = 0; i < 8; i++)
        rules[i] =
            (struct policy_rule){clients_continent[i], (uint16_t)(i % 7), 1, POLICY_WEIGHT_OF_POOL};
    policy = (struct policy){.name = name_continent, .rules = rules, .rules_count = 8};
    measure_policy(&policy, sources, count, clients);
    policy = (struct policy){.name = name_default, .rules = rules + 7, .rules_count = 1};
    measure_policy(&policy, sources, count, clients);
}

/* Save a source and take its place by what is loaded. */
static void measure_saved(struct source **source)
{
    static const char file[] = "geo_bench.saved";
    struct source *loaded;
    struct diag diag;
    const double start = now_s();
    if (saved_write(*source, file, &diag) != OK)
        fail(&diag);
    const double saved = now_s();
    if (saved_read(file, (*source)->path, (*source)->identity, &loaded, &diag) != OK)
        fail(&diag);
    printf("  %s: %u nodes, %u facts; saved in %.1f ms, loaded in %.1f ms\n", loaded->path,
           loaded->tree.count, loaded->facts.count, (saved - start) * 1e3, (now_s() - saved) * 1e3);
    (void)unlink(file);
    source_free(source);
    *source = loaded;
}

static void measure_libmaxminddb(const char *path, const struct ip *clients)
{
    MMDB_s db;
    unsigned found = 0;
    if (MMDB_open(path, MMDB_MODE_MMAP, &db) != MMDB_SUCCESS)
        return;
    const double start = now_s();
    for (size_t i = 0; i < CLIENTS_COUNT; i++) {
        struct sockaddr_storage to;
        int status;
        (void)listen_to_sockaddr(&(struct listen){.ip = clients[i]}, &to);
        MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&db, (struct sockaddr *)&to, &status);
        MMDB_entry_data_s value;
        if (result.found_entry &&
            MMDB_get_value(&result.entry, &value, "country", "iso_code", NULL) == MMDB_SUCCESS)
            found++;
    }
    printf("  libmaxminddb %s\n    lookup and country   %6.1f ns (%u found)\n", path,
           (now_s() - start) / CLIENTS_COUNT * 1e9, found);
    MMDB_close(&db);
}

int main(int argc, char **argv)
{
    struct source *sources[SOURCES_MAX];
    struct diag diag;
    size_t count = 0;
    (void)mallopt(M_MMAP_THRESHOLD, 128 << 10); /* freed memory is given back: peaks are true */
    struct ip *clients = make_clients();
    if (!clients)
        return 1;
    if (argc > 2 && strcmp(argv[1], "--mmdb") == 0) {
        measure_libmaxminddb(argv[2], clients);
        argc -= 2;
        argv += 2;
    }
    const double start = now_s();
    for (int i = 1; i < argc && count < SOURCES_MAX; i++) {
        if (database_read(argv[i], &sources[count++], &diag) != OK)
            fail(&diag);
    }
    printf("  read in %.1f ms, peak memory so far %.1f MiB (%.1f of it clients)\n",
           (now_s() - start) * 1e3, peak_mib(),
           (double)CLIENTS_COUNT * sizeof *clients / (1 << 20));
    for (size_t i = 0; i < count; i++)
        measure_saved(&sources[i]);
    measure_policies(sources, count, clients);
    for (size_t i = 0; i < count; i++)
        source_free(&sources[i]);
    free(clients);
    return 0;
}
