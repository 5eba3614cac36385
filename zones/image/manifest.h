/* zones/image/manifest.h - STATE/manifest.json: the last good world by name, and what control needs beside
 * the images.
 *
 * Written by the compiler (zones/compile/compile.c), read by control and by the next compiler. With the image
 * files that it names it is all that gslbd needs to start answering and probing: neither the store nor a geo
 * database has to be reachable. A manifest and its images were compiled against each other and are published
 * whole.
 *
 * Files are named in STATE/images: `pack-BUCKET-GENERATION.img`, `policy-INDEX-GENERATION.img`. An image that
 * did not change keeps its old generation's name. `source-IDENTITY.img`, what a compiler keeps of a geo
 * database for the next one, is in no manifest: nothing is lost with it.
 */
#ifndef ZONES_IMAGE_MANIFEST_H
#define ZONES_IMAGE_MANIFEST_H

#include "common/err.h"
#include "geoip/policy.h"
#include "zones/image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MANIFEST_FILE_MAX = 64,           /* bytes of an image's file name, NUL included */
    MANIFEST_PROBLEMS_MAX = 1000,     /* problems kept; the rest are counted */
    MANIFEST_MAX = 64 * 1024 * 1024,  /* bytes of the file */
};

struct manifest_region {
    char *name; /* NULL: this index is free */
    char *monitor; /* or NULL */
    char *target;  /* or NULL */
};

struct manifest_policy {
    char *name; /* NULL: this index is free */
    char file[MANIFEST_FILE_MAX]; /* "": it has never compiled; a problem says why */
    uint64_t fingerprint; /* of its rules, places and sources */
};

/* store.monitor, checked. */
struct manifest_monitor {
    char *name, *type, *host, *path, *method, *expect_status, *expect_body; /* host, expect_body or NULL */
    uint16_t port; /* 0: none */
    bool tls_verify;
    uint32_t interval_ms, timeout_ms;
    uint32_t fall, rise;
    uint32_t latency_max_ms; /* 0: none */
    uint32_t quorum;         /* vantage points; 0: majority */
};

struct manifest_vantage {
    char *name, *public_key;
    uint32_t asn; /* 0: unknown */
    bool enabled;
};

/* What is wrong in the store or the geo databases; what they concern keeps its last good form. */
struct manifest_problem {
    char *zone; /* "" when it is not a zone's */
    char *subject;
    char *message;
};

struct manifest {
    uint64_t generation;
    struct manifest_region regions[REGIONS_MAX];
    struct manifest_policy policies[POLICIES_MAX];
    char packs[PACKS_MAX][MANIFEST_FILE_MAX]; /* "": no zones */
    struct manifest_monitor *monitors;
    size_t monitors_count;
    struct manifest_vantage *vantages;
    size_t vantages_count;
    struct manifest_problem *problems;
    size_t problems_count;
    uint64_t problems_total; /* with those not kept */
    uint64_t zones_count;
    uint32_t slots_end; /* one past the highest slot in use */
};

/* Read FILE (caller: manifest_free). ERR_MISSING; ERR_CORRUPT, ERR_VERSION name the file and the member. */
NODISCARD enum err manifest_read(const char *path, struct manifest **ret, struct diag *reterr);

/* As JSON text on the heap. Equal manifests give equal text. */
NODISCARD enum err manifest_print(const struct manifest *manifest, char **ret, struct diag *reterr);

/* Write it to `path`, replaced atomically and not synced: what makes a world durable is compile_commit(). */
NODISCARD enum err manifest_write(const struct manifest *manifest, const char *path, struct diag *reterr);

/* The file of what is kept of the geo database with this identity (common/file.h). */
void manifest_source_file(uint64_t identity, char ret[MANIFEST_FILE_MAX]);

NODISCARD enum err manifest_new(struct manifest **ret, struct diag *reterr);
void manifest_free(struct manifest **manifest);

/* Whether a text can stand in a manifest: UTF-8 (RFC 3629). manifest_print() takes nothing else. */
bool manifest_text_is_valid(const char *text);

/* Append to the problems, unless MANIFEST_PROBLEMS_MAX are there; counts always. Octets that are not
 * printable ASCII become question marks. */
NODISCARD enum err manifest_problem_put(struct manifest *manifest, const char *zone, const char *subject,
                                        const char *message, struct diag *reterr);

#endif
