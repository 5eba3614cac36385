/* server/control/words.h - control's side of the board: who may change which part of a word.
 *
 * A word's verdict and latency come from the votes (server/control/verdicts.c), its state from the operator
 * (server/control/states.c). Each writes through here, so that neither undoes the other's part.
 */
#ifndef SERVER_CONTROL_WORDS_H
#define SERVER_CONTROL_WORDS_H

#include "health/board.h"

#include <stdint.h>

/* Set one part of the word at `slot`, leave the others. Requires slot < board_slots(). */
void words_set_verdict(struct board *board, uint32_t slot, enum verdict verdict, uint32_t latency_ms);
void words_set_state(struct board *board, uint32_t slot, enum state state);

/* A slot that a new subject got: unknown, auto, all of its share. */
void words_reset(struct board *board, uint32_t slot);

#endif
