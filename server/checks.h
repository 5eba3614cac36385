/* server/checks.h - the checks: what the vantage points have to probe for the current world.
 *
 * One check for each distinct (monitor, address), however many endpoints and regions hang on it; its id
 * is "MONITOR ADDRESS". Built from a roster by the control process, frozen, freed when the next one is there; texts
 * are lent from the roster. The generation is a hash of all that a prober is told, so the same list has
 * the same generation, after a restart too.
 */
#ifndef SERVER_CHECKS_H
#define SERVER_CHECKS_H

#include "common/buffer.h"
#include "common/err.h"
#include "server/roster.h"

#include <stddef.h>
#include <stdint.h>

#define CHECKS_NONE UINT32_MAX

struct checks_row {
    char *id; /* heap */
    const char *address;
    const struct manifest_monitor *monitor;
    size_t subjects_begin; /* into checks.subjects */
    size_t subjects_count;
};

struct checks {
    const struct roster *roster;
    uint64_t generation; /* below 2^53: a JSON number anywhere */
    struct checks_row *rows;
    size_t count;
    uint32_t *subjects; /* indices into the roster, grouped by check */
    uint32_t *of;       /* for each subject of the roster its check, or CHECKS_NONE */
};

/* ERR_MEMORY. Free with checks_free(). Cost: linear in the roster. */
NODISCARD enum err checks_build(const struct roster *roster, struct checks **ret, struct diag *reterr);
void checks_free(struct checks **checks);

/* Append the list for one enabled vantage point, as health/check.h defines it. The phases of its
 * checks differ from those of the other vantage points. ERR_MISSING: there is no such vantage point. ERR_MEMORY. */
NODISCARD enum err checks_print(const struct checks *checks, const char *vantage, struct buffer *ret,
                                struct diag *reterr);

#endif
