/* tests/fuzz/fuzz_batch.c - the decoders of what probers and nameservers say: any bytes are refused
 * or understood.
 *
 * What was understood must print as something that is understood again.
 */
#include "health/batch.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void try_votes(const uint8_t *bytes, size_t len)
{
    struct batch_votes votes, again;
    struct diag diag;
    struct buffer text = {0};
    if (batch_parse_votes(bytes, len, &votes, &diag) != OK)
        return;
    assert(batch_print_votes(&votes.head, votes.results, votes.results_count, &text, &diag) == OK);
    assert(batch_parse_votes(text.bytes, text.len, &again, &diag) == OK);
    assert(again.results_count == votes.results_count);
    batch_votes_fini(&again);
    batch_votes_fini(&votes);
    buffer_fini(&text);
}

static void try_reply(const uint8_t *bytes, size_t len)
{
    struct batch_reply reply, again;
    struct diag diag;
    struct buffer text = {0};
    if (batch_parse_reply(bytes, len, &reply, &diag) != OK)
        return;
    assert(batch_print_reply(&reply, &text, &diag) == OK);
    assert(batch_parse_reply(text.bytes, text.len, &again, &diag) == OK);
    assert(again.rechecks_count == reply.rechecks_count);
    batch_reply_fini(&again);
    batch_reply_fini(&reply);
    buffer_fini(&text);
}

static void try_request(const uint8_t *bytes, size_t len)
{
    struct batch_head head, again;
    struct diag diag;
    struct buffer text = {0};
    if (batch_parse_request(bytes, len, &head, &diag) != OK)
        return;
    assert(batch_print_request(&head, &text, &diag) == OK);
    assert(batch_parse_request(text.bytes, text.len, &again, &diag) == OK);
    assert(again.seq == head.seq && again.clock_ms == head.clock_ms);
    buffer_fini(&text);
}

/* What a prober does with a check. */
static void check_use(const struct check *check)
{
    struct check_status again;
    char text[CHECK_STATUS_TEXT_MAX];
    const struct probe_plan plan = check_plan(check, 0.5);
    assert(plan.interval_ms == check->interval_ms);
    if (check->expect_status.count == 0)
        return; /* of no HTTP */
    assert(check_status_parse(check_status_print(&check->expect_status, text), &again, NULL) == OK);
    for (long code = 100; code < 600; code++)
        assert(check_status_match(&check->expect_status, code) == check_status_match(&again, code));
}

static void try_checks(const uint8_t *bytes, size_t len)
{
    struct batch_checks checks, again;
    struct diag diag;
    struct buffer text = {0};
    if (batch_parse_checks(bytes, len, &checks, &diag) != OK)
        return;
    assert(batch_print_checks(&checks, &text, &diag) == OK);
    assert(batch_parse_checks(text.bytes, text.len, &again, &diag) == OK);
    assert(again.checks_count == checks.checks_count);
    for (size_t i = 0; i < checks.checks_count; i++)
        check_use(&checks.checks[i]);
    batch_checks_fini(&again);
    batch_checks_fini(&checks);
    buffer_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    try_votes(bytes, len);
    try_reply(bytes, len);
    try_request(bytes, len);
    try_checks(bytes, len);
    return 0;
}
