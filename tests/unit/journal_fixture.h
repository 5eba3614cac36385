/* tests/unit/journal_fixture.h - a zone's versions, each with a journal that goes on from the one before.
 */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H

#include "tests/zone_fixture.h"

#define JOURNAL_ORIGIN "example.com"

/* A version of the zone with its NS, these records and this serial. */
static inline void version_make(struct zone_fixture *version, const struct zone_fixture *last,
                                uint32_t serial, const struct zone_record *records, size_t count)
{
    static const struct zone_record ns = {"@", "NS", "ns.example.", 300};
    char soa[128];
    (void)snprintf(soa, sizeof soa, "ns.example. hostmaster.example. %u 7200 1800 1209600 60", serial);
    zone_fixture_begin_with(version, JOURNAL_ORIGIN, &(struct zone_record){"@", "SOA", soa, 300});
    zone_fixture_record(version, &ns);
    for (size_t i = 0; i < count && records[i].name; i++)
        zone_fixture_record(version, &records[i]);
    zone_fixture_peer(version);
    version->last = last ? last->zone : NULL;
    zone_fixture_must(zone_fixture_end(version) == 0, "problems");
}

#endif
