/* tests/fuzz/fuzz_message.c - what a prober sends to the control port: any body, rightly signed or not,
 * gets a reply that a prober understands, and only the right signature gets more than a refusal.
 *
 * The first byte chooses kind, vantage point and signature; the second moves the clock; the rest is the body.
 */
#include "common/log.h"
#include "server/control/api_message.h"
#include "tests/unit/roster_fixture.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define WWW "www.example.com"

static const struct fixture_row rows[] = {
    {SUBJECT_POOL, 300, WWW, "eu", NULL, NULL, NULL},
    {SUBJECT_ENDPOINT, 400, WWW, "eu", "192.0.2.1", "192.0.2.1", "web"},
    {SUBJECT_ENDPOINT, 401, WWW, "eu", "192.0.2.2", "192.0.2.2", "web"},
};
enum { ROWS = sizeof rows / sizeof rows[0], VANTAGES = 2, SLOTS = 1024, NOW_S = 1700000000 };

/* Control without its processes. */
struct desk {
    struct fixture fixture;
    struct key *keys[VANTAGES];
    struct board *board;
    struct metrics metrics;
    struct api_desk desk;
};

static void desk_make(struct desk *desk)
{
    for (int i = 0; i < VANTAGES; i++)
        assert(key_generate(&desk->keys[i], NULL) == OK);
    desk->fixture = fixture_open(rows, ROWS, VANTAGES, desk->keys);
    desk->fixture.manifest->vantages[1].enabled = false;
    assert(board_new(SLOTS, &desk->board, NULL) == OK);
    desk->desk.metrics = &desk->metrics;
}

/* Whatever the status, the reply is JSON; a 200 is what the prober's parsers take. */
static void reply_check(const struct api_message *message, int status, const struct buffer *reply)
{
    json_t *object = json_loadb((const char *)reply->bytes, reply->len, JSON_REJECT_DUPLICATES, NULL);
    struct batch_reply votes;
    struct batch_checks checks;
    struct diag diag;
    assert(json_is_object(object));
    json_decref(object);
    if (status == 200 && message->kind == INTAKE_VOTES) {
        assert(batch_parse_reply(reply->bytes, reply->len, &votes, &diag) == OK);
        batch_reply_fini(&votes);
    } else if (status == 200) {
        assert(batch_parse_checks(reply->bytes, reply->len, &checks, &diag) == OK && checks.checks_count > 0);
        batch_checks_fini(&checks);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct desk desk;
    if (!desk.board) {
        log_set_level(LOG_LEVEL_ERROR);
        desk_make(&desk);
    }
    if (len < 2)
        return 0;
    static const char *const names[] = {"v0", "v1", "stranger", NULL};
    const char *vantage = names[bytes[0] >> 1 & 3];
    const bool signs = bytes[0] & 8;
    struct moment now = {.mono_ms = 50000, .wall_ms = NOW_S * INT64_C(1000)};
    struct api_message message = {.kind = bytes[0] & 1 ? INTAKE_CHECKS : INTAKE_VOTES, .vantage = vantage,
                                  .peer = "192.0.2.9", .body = bytes + 2, .len = len - 2};
    char signature[KEY_SIGNATURE_TEXT_MAX];
    struct buffer reply = {0};
    assert(key_sign(desk.keys[vantage && vantage[1] == '1'], intake_domain(message.kind), message.body,
                    message.len, signature, NULL) == OK);
    if (signs)
        message.signature = signature;
    assert(verdicts_new(desk.board, NULL, now, &desk.desk.verdicts, NULL) == OK);
    assert(verdicts_configure(desk.desk.verdicts, desk.fixture.roster, now, NULL) == OK);
    now.wall_ms += (int64_t)bytes[1] * 1000;
    const int status = api_message_take(&desk.desk, &message, now, &reply);
    assert(status == 200 || (status >= 400 && status <= 409));
    assert(status != 200 || (signs && vantage == names[0]));
    reply_check(&message, status, &reply);
    buffer_fini(&reply);
    if (status == 200) { /* the same once more is a replay */
        assert(api_message_take(&desk.desk, &message, now, &reply) == 409);
        buffer_fini(&reply);
    }
    verdicts_free(&desk.desk.verdicts);
    return 0;
}
