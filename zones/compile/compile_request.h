/* zones/compile/compile_request.h - what a compiler is asked for, and what it tells of its work. */
#ifndef ZONES_COMPILE_COMPILE_REQUEST_H
#define ZONES_COMPILE_COMPILE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

struct compile_request {
    const char *store_path;
    const char *state_dir;          /* images go to state_dir/images; made when missing */
    const char *const *geo_paths;   /* databases in order of precedence; may be none */
    size_t geo_paths_count;
};

struct compile_result {
    uint64_t generation;  /* 0: nothing has changed, nothing was written */
    uint64_t zones_count; /* in the new world */
    uint64_t zones_built; /* compiled now, not taken over */
    uint64_t problems;
};

#endif
