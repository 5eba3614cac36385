/* zones/compile/problems.h - where a compile collects what is wrong with one zone, on the way to the
 * manifest.
 *
 * Sticky: when the manifest has no memory for a problem, `failed` is set and tested once at the end.
 */
#ifndef ZONES_COMPILE_PROBLEMS_H
#define ZONES_COMPILE_PROBLEMS_H

#include "zones/image/manifest.h"

#include <stdbool.h>
#include <stdint.h>

struct problems {
    struct manifest *manifest;
    const char *zone; /* as in the store; "" when the problem is not a zone's */
    uint64_t count;   /* of this zone */
    bool failed;
};

/* Add a sentence about `subject`, which names the row: "www A 192.0.2.1", "service www.example.com". */
void problems_put(struct problems *problems, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
