#include "ctl/trace.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const step_words[] = {
    [STEP_SERVING] = "what is healthy and not draining",
    [STEP_DRAINING] = "nothing serves: draining ones too",
    [STEP_ALL_UP] = "nothing is healthy: as if every endpoint were up",
    [STEP_ALL_UP_DRAINS] = "nothing is healthy: as if every endpoint were up, draining ones too",
};

static const char *const why_words[] = {
    [WHY_SERVES] = "serves",
    [WHY_STANDBY] = "serves, on standby (weight 0)",
    [WHY_NO_POOL] = "has no pool of this service",
    [WHY_NO_FAMILY] = "has no endpoint of this address family",
    [WHY_REGION_DOWN] = "is put down by the operator (region)",
    [WHY_REGION_DRAIN] = "is draining (region)",
    [WHY_REGION_UNHEALTHY] = "is down by its region monitor",
    [WHY_POOL_DOWN] = "is put down by the operator (pool)",
    [WHY_POOL_DRAIN] = "is draining (pool)",
    [WHY_MIN_UP] = "has fewer serving endpoints than min_up",
    [WHY_PANIC] = "serves, in panic: as if every endpoint were up",
};

static bool serves(const struct trace_row *row)
{
    return row->why == WHY_SERVES || row->why == WHY_STANDBY || row->why == WHY_PANIC;
}

/* Who serves in a tier. */
struct tier {
    uint64_t weight;
    uint32_t serving; /* regions; without weight they draw alike */
};

/* The tier whose regions' rows begin at `first`. */
static struct tier tier_sum(const struct steer_trace *trace, uint32_t count, uint32_t first)
{
    struct tier sum = {0};
    for (uint32_t i = first; i < count && trace->rows[i].kind == TRACE_REGION; i++)
        if (serves(&trace->rows[i])) {
            sum.weight += trace->rows[i].weight;
            sum.serving++;
        }
    return sum;
}

static double share_percent(const struct trace_row *row, const struct tier *tier)
{
    return tier->weight ? 100.0 * row->weight / (double)tier->weight : 100.0 / tier->serving;
}

static void print_region(const struct trace_row *row, const struct tier *tier,
                         const struct manifest *manifest)
{
    const char *name = manifest->regions[row->region].name;
    printf("    region  %-12s %s", name ? name : "?", why_words[row->why]);
    if (row->why != WHY_NO_POOL && row->why != WHY_NO_FAMILY)
        printf("; %u of %u endpoints serve", row->serving, row->total);
    if (serves(row))
        printf("; weight %" PRIu32 ", share %.1f %%", row->weight, share_percent(row, tier));
    printf("\n");
}

static void print_class(const struct steer_case *asked)
{
    const struct geo_found found = geo_find(asked->geo, asked->client);
    const struct geo_chain chain = geo_chain_get(asked->geo, found.class);
    printf("class       %" PRIu32 ", told by %u bits of the address:", found.class, found.depth);
    for (uint32_t i = 0; i < chain.count; i++)
        printf(" %s", geo_set_name(asked->geo, chain.sets[i]));
    printf("%s\n", chain.count ? "" : " no rule matches");
}

void trace_print(const struct steer_case *asked, const struct steer_trace *trace,
                 const struct manifest *manifest)
{
    const uint32_t count = trace->count < STEER_TRACE_MAX ? trace->count : STEER_TRACE_MAX;
    struct tier tier = {0};
    int step = -1;
    print_class(asked);
    for (uint32_t i = 0; i < count; i++) {
        const struct trace_row *row = &trace->rows[i];
        if (row->kind != TRACE_CLASS && step != (int)row->step)
            printf("step        %s\n", step_words[step = (int)row->step]);
        switch (row->kind) {
        case TRACE_CLASS:
            break;
        case TRACE_SET:
            printf("  set       %s\n", geo_set_name(asked->geo, row->set));
            break;
        case TRACE_TIER:
            printf("   tier     %d\n", row->tier);
            tier = tier_sum(trace, count, i + 1);
            break;
        case TRACE_REGION:
            print_region(row, &tier, manifest);
            break;
        case TRACE_CHOSEN:
            printf("chosen      %s\n", manifest->regions[row->region].name);
            break;
        }
    }
    if (trace->count > count)
        printf("            ... and %" PRIu32 " more lines\n", trace->count - count);
}
