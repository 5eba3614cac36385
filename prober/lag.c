#include "prober/lag.h"

void lag_init(struct lag *lag, int64_t now_ms)
{
    *lag = (struct lag){.ticked_ms = now_ms, .stalled_ms = INT64_MIN};
}

static int64_t late_ms(const struct lag *lag, int64_t now_ms)
{
    return now_ms - lag->ticked_ms - LAG_TICK_MS;
}

int64_t lag_tick(struct lag *lag, int64_t now_ms)
{
    const int64_t late = late_ms(lag, now_ms);
    lag->ticked_ms = now_ms;
    if (late < LAG_STALL_MS)
        return 0;
    lag->stalled_ms = now_ms;
    return late;
}

bool lag_spoiled(const struct lag *lag, int64_t started_ms, int64_t now_ms)
{
    return lag->stalled_ms > started_ms || late_ms(lag, now_ms) >= LAG_STALL_MS;
}
