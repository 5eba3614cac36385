/* server/control/checks.h - the checks: what the vantage points have to probe for the current world.
 *
 * One check for each distinct (monitor, address), however many endpoints and regions hang on it; its id is
 * "MONITOR ADDRESS". Built from a roster by the control process, frozen, freed when the next one is there;
 * texts are lent from the roster. The generation is a hash of all that probers are told, so the same list
 * has the same generation, after a restart too.
 */
#ifndef SERVER_CONTROL_CHECKS_H
#define SERVER_CONTROL_CHECKS_H

#include "common/buffer.h"
#include "common/err.h"
#include "health/check.h"
#include "server/control/roster.h"

#include <stddef.h>
#include <stdint.h>

#define CHECKS_NONE UINT32_MAX

/* Who hangs on one check. */
struct checks_row {
    char *id; /* heap */
    const struct manifest_monitor *monitor;
    uint32_t subjects_begin; /* into checks.subjects */
    uint32_t subjects_count;
};

struct checks {
    const struct roster *roster;
    uint64_t generation; /* below 2^53: a JSON number anywhere */
    size_t count;
    struct check *list;      /* [count]; the ids are those of the rows */
    struct checks_row *rows; /* [count] */
    uint32_t *subjects;      /* indices into the roster, grouped by check */
    uint32_t *of;            /* for each subject of the roster its check, or CHECKS_NONE */
    size_t refused_count;    /* subjects whose monitor or address no prober would take: not probed */
    struct diag refusal;     /* why, for the first of them */
};

/* ERR_MEMORY. Free with checks_free(). Cost: linear in the roster. */
NODISCARD enum err checks_build(const struct roster *roster, struct checks **ret, struct diag *reterr);
void checks_free(struct checks **checks);

/* Append the list for one enabled vantage point (health/batch.h). Its phase is its rank among the enabled
 * ones. ERR_MISSING: there is no such vantage point. ERR_LIMIT: more than a message holds. ERR_MEMORY. */
NODISCARD enum err checks_print(const struct checks *checks, const char *vantage, struct buffer *ret,
                                struct diag *reterr);

#endif
