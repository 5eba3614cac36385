#include "health/intake.h"

#include <stdio.h>
#include <string.h>

static const char *const domains[INTAKE_KINDS] = {
    [INTAKE_VOTES] = "gslb-votes-1\n",
    [INTAKE_CHECKS] = "gslb-checks-1\n",
};

static const char *const names[INTAKE_COUNT] = {
    [INTAKE_OK] = "ok",
    [INTAKE_STRANGER] = "stranger",
    [INTAKE_DISABLED] = "disabled",
    [INTAKE_SIGNATURE] = "signature",
    [INTAKE_MALFORMED] = "malformed",
    [INTAKE_NAME] = "name",
    [INTAKE_CLOCK] = "clock",
    [INTAKE_SEQUENCE] = "sequence",
};

void intake_sender_init(struct intake_sender *sender, const char *name,
                        const struct key_public *key)
{
    *sender = (struct intake_sender){.key = *key, .enabled = true};
    snprintf(sender->name, sizeof sender->name, "%s", name);
    for (int kind = 0; kind < INTAKE_KINDS; kind++)
        sender->seqs[kind] = -1;
}

const char *intake_domain(enum intake_kind kind)
{
    return domains[kind];
}

enum intake intake_check_body(const struct intake_sender *sender, enum intake_kind kind,
                              const void *body, size_t len, const char *signature)
{
    if (!sender)
        return INTAKE_STRANGER;
    if (!sender->enabled)
        return INTAKE_DISABLED;
    if (!signature || !key_verify(&sender->key, domains[kind], body, len, signature))
        return INTAKE_SIGNATURE;
    return INTAKE_OK;
}

enum intake intake_check_head(struct intake_sender *sender, enum intake_kind kind,
                              const struct batch_head *head, int64_t now_ms)
{
    const int64_t skew_ms = head->clock_ms - now_ms;
    if (strcmp(head->vantage, sender->name) != 0)
        return INTAKE_NAME;
    if (skew_ms > INTAKE_SKEW_MAX_MS || skew_ms < -INTAKE_SKEW_MAX_MS)
        return INTAKE_CLOCK;
    if (head->seq <= sender->seqs[kind])
        return INTAKE_SEQUENCE;
    sender->seqs[kind] = head->seq;
    return INTAKE_OK;
}

const char *intake_print(enum intake intake)
{
    return names[intake];
}
