/* zones/store/store.h - gslb.db: what the operator wants. Only people and their tools write it; gslbd reads
 * it.
 *
 * One SQLite file in WAL mode with the schema of zones/store/schema.sql. Its triggers have refused what a
 * trigger can see, so the rows here have names in lower case, numbers in range and references that exist;
 * rdata, networks and names are text still, which the compiler parses.
 *
 * The compiler reads between store_begin() and store_end(): one snapshot, whatever is committed meanwhile. A
 * reader takes no lock that an operator's sqlite3 could wait for, and leaves checkpoints to the writers.
 *
 * Rows come one at a time. Each kind of row has a function that starts and one that steps; errors are kept
 * until the end:
 *
 *    struct store_rows rows;
 *    struct store_record record;
 *    store_records(store, "example.com", &rows);
 *    while (store_record_next(&rows, &record))
 *        ...
 *    err = store_rows_end(&rows, reterr);
 *
 * Text in a row is lent until the next step; NULL in the store is NULL, and an empty text is one. Rows of
 * one kind are read by one loop at a time; loops of different kinds may be nested. A store belongs to one
 * thread.
 */
#ifndef ZONES_STORE_STORE_H
#define ZONES_STORE_STORE_H

#include "common/err.h"
#include "geoip/policy.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STORE_BUSY_MS = 5000,       /* how long we wait for another writer to commit */
    STORE_POLL_BUSY_MS = 20,    /* ... in a loop that has other things to do: of store_open_poll() */
    STORE_WEIGHT_MAX = 1000000, /* of a rule, a pool, an endpoint: their products and sums fit in 64 bits */
};

struct store; /* an open store; heap */

/* Files ---------------------------------------------------------------------------------------- */

/* Make `path` a store of this program's version: a new one with mode 0660 less the umask, or an older one
 * brought up to date. ERR_EXISTS: it is one already; nothing has changed. Otherwise errors of
 * store_open_write(). */
NODISCARD enum err store_init(const char *path, struct diag *reterr);

/* Open for reading, or for reading and writing, where an older store is brought up to date. ERR_MISSING: no
 * such file. ERR_CORRUPT: not a store, or a damaged one. ERR_VERSION: of a newer program, or (read) of an
 * older one. ERR_BUSY: somebody's transaction held it all the time. ERR_SYSTEM: permissions, disk. */
NODISCARD enum err store_open_read(const char *path, struct store **ret, struct diag *reterr);
NODISCARD enum err store_open_write(const char *path, struct store **ret, struct diag *reterr);
void store_close(struct store **store);

/* As store_open_read() for the control process, which takes votes meanwhile: no call waits longer than
 * STORE_POLL_BUSY_MS. */
NODISCARD enum err store_open_poll(const char *path, struct store **ret, struct diag *reterr);

/* Take a store through the `steps` that it has not seen, in one transaction; a NULL ends them. steps[0] is
 * SQL that leads from version 1 to version 2. ERR_VERSION: the store is beyond the last step, or has version
 * 0. */
NODISCARD enum err store_migrate(struct store *store, const char *const *steps, struct diag *reterr);

/* A number that differs from the last call's when another connection has committed in between. Costs
 * microseconds. */
NODISCARD enum err store_change_counter(struct store *store, uint32_t *ret, struct diag *reterr);

/* Whether the path still leads to the file that was opened: false when it was moved away or replaced. */
bool store_is_current(const struct store *store);

/* From here to store_end() everything is read from one snapshot. */
NODISCARD enum err store_begin(struct store *store, struct diag *reterr);
void store_end(struct store *store);

/* Rows ----------------------------------------------------------------------------------------- */

struct store_rows {
    struct store *store;
    struct sqlite3_stmt *statement; /* NULL once it has ended */
    const char *table;              /* for the error's sentence */
    enum err err;
    struct diag diag;
};

/* End the loop, which may have been left early. What went wrong since the start, if anything. */
NODISCARD enum err store_rows_end(struct store_rows *rows, struct diag *reterr);

#define STORE_TTL_OF_ZONE UINT32_MAX
#define STORE_WEIGHT_OF_POOL UINT32_MAX

struct store_zone {
    const char *name, *mname, *rname;
    uint32_t ttl_s, negative_ttl_s, refresh_s, retry_s, expire_s;
    uint32_t serial;
};

struct store_record {
    const char *name; /* relative, or "@" */
    const char *type;
    const char *data;
    uint32_t ttl_s; /* or STORE_TTL_OF_ZONE */
};

struct store_service {
    const char *name, *policy;
    const char *monitor;  /* or NULL */
    const char *sticky;   /* "none", "client" */
    const char *all_down; /* "serve_all", "nodata", "servfail" */
    uint32_t ttl_s;
    uint32_t answers;   /* 0: all */
    double panic_below; /* 0 to 1 */
};

struct store_pool {
    const char *region;
    uint32_t weight, min_up;
    const char *state; /* "auto", "up", "drain", "down" */
    int64_t until_s;   /* unix time; 0: for ever */
};

struct store_endpoint {
    const char *region, *address;
    uint32_t weight;
    const char *state;
    int64_t until_s;
    const char *check_address; /* or NULL */
};

struct store_region {
    const char *name;
    bool placed; /* it has coordinates */
    double latitude, longitude;
    const char *state;
    int64_t until_s;
    const char *monitor, *target; /* both or neither is NULL */
};

struct store_monitor {
    const char *name, *type, *path, *method, *expect_status, *quorum;
    const char *host, *expect_body; /* or NULL */
    uint16_t port;                  /* 0: the type's own */
    bool tls_verify;
    uint32_t interval_ms, timeout_ms; /* at least 1 */
    uint32_t fall, rise;
    uint32_t latency_max_ms; /* 0: no bound */
};

struct store_vantage {
    const char *name, *public_key;
    bool placed;
    double latitude, longitude;
    uint32_t asn; /* 0: unknown */
    bool enabled;
};

/* An operator's word that is not "auto": on a region (`service` and `address` NULL), a pool (`address` NULL)
 * or an endpoint. */
struct store_state {
    const char *service, *region, *address;
    const char *state;
    int64_t until_s;
};

/* Another nameserver of a zone: one that may copy it, or one that is told of changes. */
struct store_peer {
    const char *zone;
    const char *net;     /* ADDRESS or ADDRESS/BITS, "" for anywhere; NULL for one that is told */
    const char *address; /* NULL for one that may copy */
    uint16_t port;       /* of the address */
    const char *key, *algorithm, *secret; /* all or none are NULL */
};

/* A rule of a policy for its `default` clients. */
struct store_default {
    const char *region;
    uint32_t tier;
    uint32_t weight; /* or STORE_WEIGHT_OF_POOL */
};

/* Every zone, in order of name; or the one of that name, if it is there. */
void store_zones(struct store *store, struct store_rows *ret);
void store_zone(struct store *store, const char *name, struct store_rows *ret);
bool store_zone_next(struct store_rows *rows, struct store_zone *ret);

/* The records of a zone, in order of name and type. */
void store_records(struct store *store, const char *zone, struct store_rows *ret);
bool store_record_next(struct store_rows *rows, struct store_record *ret);

/* The services of one zone, which are those in it and in no longer zone, or of the whole store; in order of
 * name. Both cost a look at each service of the store, so for many zones take them all and find each one's
 * longest zone. */
void store_services(struct store *store, const char *zone, struct store_rows *ret);
void store_services_all(struct store *store, struct store_rows *ret);
bool store_service_next(struct store_rows *rows, struct store_service *ret);

/* The pools of a service, in order of region; its endpoints, in order of region and address. */
void store_pools(struct store *store, const char *service, struct store_rows *ret);
bool store_pool_next(struct store_rows *rows, struct store_pool *ret);
void store_endpoints(struct store *store, const char *service, struct store_rows *ret);
bool store_endpoint_next(struct store_rows *rows, struct store_endpoint *ret);

/* The peers of one zone, or of all, in order of zone: first those that may copy it. */
void store_peers(struct store *store, const char *zone, struct store_rows *ret);
void store_peers_all(struct store *store, struct store_rows *ret);
bool store_peer_next(struct store_rows *rows, struct store_peer *ret);

/* The rules of a policy for `default`, in order of tier and region. */
void store_defaults(struct store *store, const char *policy, struct store_rows *ret);
bool store_default_next(struct store_rows *rows, struct store_default *ret);

/* Each of these in order of name. */
void store_regions(struct store *store, struct store_rows *ret);
bool store_region_next(struct store_rows *rows, struct store_region *ret);
void store_monitors(struct store *store, struct store_rows *ret);
bool store_monitor_next(struct store_rows *rows, struct store_monitor *ret);
void store_vantages(struct store *store, struct store_rows *ret);
bool store_vantage_next(struct store_rows *rows, struct store_vantage *ret);

/* Which index a region has in the images: 0 .. REGIONS_MAX-1, or -1 where it has none (its rules are left
 * out). */
struct store_region_indexes {
    int (*find)(const void *context, const char *region);
    const void *context;
};

/* Every policy, in order of name, whole: with its rules and all places. Of more than POLICY_RULES_MAX rules
 * it has one more than that. The caller gives each back with policy_fini(). */
void store_policies(struct store *store, struct store_rows *ret);
bool store_policy_next(struct store_rows *rows, const struct store_region_indexes *indexes,
                       struct policy *ret);

/* Every operator's state but "auto". Cost: by the number of those, whatever the store's size. */
void store_states(struct store *store, struct store_rows *ret);
bool store_state_next(struct store_rows *rows, struct store_state *ret);

/* Changes -------------------------------------------------------------------------------------- */

/* Changes between store_change_begin() and store_change_commit() are made together; after
 * store_change_undo() none. ERR_BUSY: another writer has not committed in STORE_BUSY_MS. ERR_REFUSED: the
 * schema's sentence. */
NODISCARD enum err store_change_begin(struct store *store, struct diag *reterr);
NODISCARD enum err store_change_commit(struct store *store, struct diag *reterr);
void store_change_undo(struct store *store);

/* Replace a zone, row by row: make or change its own row; put each record; then prune those that were not
 * put. What is the same stays untouched, so the audit and the serial tell what changed. The serial does not
 * go back (RFC 1982): `zone->serial` counts where it is ahead of the one that is there. */
NODISCARD enum err store_zone_put(struct store *store, const struct store_zone *zone, struct diag *reterr);
NODISCARD enum err store_record_put(struct store *store, const char *zone, const struct store_record *record,
                                    struct diag *reterr);
NODISCARD enum err store_zone_prune(struct store *store, const char *zone, struct diag *reterr);

/* Add a vantage point; ERR_EXISTS: there is one of that name. Remove one; ERR_MISSING: there is none. */
NODISCARD enum err store_vantage_add(struct store *store, const struct store_vantage *vantage,
                                     struct diag *reterr);
NODISCARD enum err store_vantage_remove(struct store *store, const char *name, struct diag *reterr);

#endif
