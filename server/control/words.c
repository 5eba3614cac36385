#include "server/control/words.h"

void words_set_verdict(struct board *board, uint32_t slot, enum verdict verdict, uint32_t latency_ms)
{
    struct health health = board_get(board, slot);
    health.verdict = verdict;
    health.latency_ms = (uint16_t)(latency_ms < UINT16_MAX ? latency_ms : UINT16_MAX);
    board_set(board, slot, health);
}

void words_set_state(struct board *board, uint32_t slot, enum state state)
{
    struct health health = board_get(board, slot);
    health.state = state;
    board_set(board, slot, health);
}

void words_reset(struct board *board, uint32_t slot)
{
    board_set(board, slot, (struct health){.share = BOARD_SHARE_ALL});
}
