#include "health/board.h"

#include <assert.h>
#include <string.h>

enum {
    VERDICT_SHIFT = 30,
    STATE_SHIFT = 28,
    SHARE_SHIFT = 16,
};

static const char *const verdict_names[] = {"unknown", "up", "down"};
static const char *const state_names[] = {"auto", "up", "drain", "down"};

uint32_t board_slots(const struct board *board)
{
    return board->slots;
}

struct health board_get(const struct board *board, uint32_t slot)
{
    assert(slot < board->slots);
    const uint32_t word = __atomic_load_n(&board->words[slot], __ATOMIC_RELAXED);
    return (struct health){
        .verdict = (enum verdict)(word >> VERDICT_SHIFT),
        .state = (enum state)(word >> STATE_SHIFT & 3),
        .share = (uint16_t)(word >> SHARE_SHIFT & BOARD_SHARE_ALL),
        .latency_ms = (uint16_t)word,
    };
}

void board_set(struct board *board, uint32_t slot, struct health health)
{
    assert(board->writable && slot < board->slots && health.share <= BOARD_SHARE_ALL);
    const uint32_t word = (uint32_t)health.verdict << VERDICT_SHIFT |
                          (uint32_t)health.state << STATE_SHIFT |
                          (uint32_t)health.share << SHARE_SHIFT | health.latency_ms;
    __atomic_store_n(&board->writable[slot], word, __ATOMIC_RELAXED);
}

enum board_sight board_sight_get(const struct board *board)
{
    return (enum board_sight)(__atomic_load_n(board->sight, __ATOMIC_RELAXED) & 1);
}

void board_sight_set(struct board *board, enum board_sight sight)
{
    assert(board->writable);
    __atomic_store_n(board->sight, sight, __ATOMIC_RELAXED);
}

/* The index of `text` in `names`, or `count`. */
static unsigned find(const char *const *names, unsigned count, const char *text)
{
    unsigned i = 0;
    while (i < count && strcmp(names[i], text) != 0)
        i++;
    return i;
}

const char *verdict_print(enum verdict verdict)
{
    assert(verdict <= VERDICT_DOWN);
    return verdict_names[verdict];
}

bool verdict_parse(const char *text, enum verdict *ret)
{
    const unsigned idx = find(verdict_names, VERDICT_DOWN + 1, text);
    if (idx > VERDICT_DOWN)
        return false;
    *ret = (enum verdict)idx;
    return true;
}

const char *state_print(enum state state)
{
    assert(state <= STATE_DOWN);
    return state_names[state];
}

bool state_parse(const char *text, enum state *ret)
{
    const unsigned idx = find(state_names, STATE_DOWN + 1, text);
    if (idx > STATE_DOWN)
        return false;
    *ret = (enum state)idx;
    return true;
}
