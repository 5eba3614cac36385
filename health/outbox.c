#include "health/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64 };

enum err outbox_init(struct outbox *outbox, size_t count, struct diag *reterr)
{
    const size_t words = count / WORD_BITS + 1;
    uint64_t *bits = calloc(words * 2, sizeof *bits);
    if (!bits)
        return diag_set(reterr, ERR_MEMORY, "outbox: out of memory for %zu checks", count);
    *outbox = (struct outbox){.waiting = bits, .taken = bits + words, .words = words};
    return OK;
}

void outbox_fini(struct outbox *outbox)
{
    free(outbox->waiting);
    *outbox = (struct outbox){0};
}

void outbox_put(struct outbox *outbox, uint32_t check)
{
    assert(check / WORD_BITS < outbox->words);
    outbox->waiting[check / WORD_BITS] |= UINT64_C(1) << check % WORD_BITS;
}

/* List the bits of one word; returns how many. */
static size_t list_bits(uint64_t bits, size_t word, uint32_t *ret)
{
    size_t count = 0;
    for (; bits; bits &= bits - 1)
        ret[count++] = (uint32_t)(word * WORD_BITS + (size_t)__builtin_ctzll(bits));
    return count;
}

size_t outbox_take(struct outbox *outbox, uint32_t *ret, size_t cap)
{
    assert(cap >= WORD_BITS);
    size_t count = 0;
    for (size_t i = 0; i < outbox->words && cap - count >= WORD_BITS; i++) {
        const size_t word = outbox->next;
        assert(outbox->taken[word] == 0);
        count += list_bits(outbox->waiting[word], word, ret + count);
        outbox->taken[word] = outbox->waiting[word];
        outbox->waiting[word] = 0;
        outbox->next = (word + 1) % outbox->words;
    }
    return count;
}

void outbox_acknowledge(struct outbox *outbox)
{
    memset(outbox->taken, 0, outbox->words * sizeof *outbox->taken);
}

void outbox_return(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->words; i++)
        outbox->waiting[i] |= outbox->taken[i];
    outbox_acknowledge(outbox);
}

bool outbox_is_empty(const struct outbox *outbox)
{
    uint64_t any = 0;
    for (size_t i = 0; i < outbox->words; i++)
        any |= outbox->waiting[i];
    return any == 0;
}
