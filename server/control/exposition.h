/* server/control/exposition.h - Prometheus' text format, version 0.0.4: families, samples, labels, escapes.
 *
 *    exposition_family(to, "gslbd_queries_total", EXPOSITION_COUNTER, "Queries that arrived.");
 *    struct exposition sample = exposition_begin(to, "gslbd_queries_total");
 *    exposition_label(&sample, "transport", "udp");
 *    exposition_count(&sample, 42);
 *
 *    # HELP gslbd_queries_total Queries that arrived.
 *    # TYPE gslbd_queries_total counter
 *    gslbd_queries_total{transport="udp"} 42
 *
 * Sticky as its buffer is. Samples of one family must stand together.
 */
#ifndef SERVER_CONTROL_EXPOSITION_H
#define SERVER_CONTROL_EXPOSITION_H

#include "common/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE };

/* A sample that is being put. */
struct exposition {
    struct buffer *to;
    bool labelled;
};

/* What the samples that follow are. */
void exposition_family(struct buffer *to, const char *name, enum exposition_type type, const char *help);

struct exposition exposition_begin(struct buffer *to, const char *name);

/* The value may be any text; \, " and newline are escaped. */
void exposition_label(struct exposition *sample, const char *name, const char *value);

/* The value ends the sample. */
void exposition_count(struct exposition *sample, uint64_t value);
void exposition_real(struct exposition *sample, double value);

/* A family of one sample without labels. */
void exposition_single_count(struct buffer *to, const char *name, enum exposition_type type, const char *help,
                             uint64_t value);
void exposition_single_real(struct buffer *to, const char *name, enum exposition_type type, const char *help,
                            double value);

#endif
