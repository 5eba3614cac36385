/* health/board.h - the board: one word of health for every region, pool and endpoint, shared with
 * every worker.
 *
 * Each of them is a *subject* and has a *slot*. Slots 0 .. REGIONS_MAX-1 are the regions; pools and
 * endpoints get theirs from the compiler and keep them from one compile to the next. The control
 * process is the only writer. Workers read a word whole, on every query, so no reader can pair one
 * verdict with another verdict's latency. Draining a region, a pool or an endpoint is one store of
 * one word.
 *
 *    31..30 verdict | 29..28 operator's state | 27..16 share of its weight, 4095 is all |
 *    15..0 latency in ms, saturating
 *
 * Whether anybody reports what the verdicts are about at all is one more word, in the header: while
 * nobody does, the last verdicts stand and answers say that they are stale (RFC 8914 4.4).
 *
 * The board is a memfd that the supervisor holds: it outlives every other process of gslbd. A word
 * of all zeros is verdict unknown, state auto, share 0; board_set() writes the share, so a fresh
 * slot must be set before it is used.
 */
#ifndef HEALTH_BOARD_H
#define HEALTH_BOARD_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BOARD_SLOTS_MAX = 1 << 20, /* 4 MiB of words */
    BOARD_SHARE_ALL = 4095,
    BOARD_VERSION = 1,
    BOARD_HEADER_LEN = 64, /* 0 magic "gslbbrd\n" | 8 version | 12 slots | 16 sight; a cache line */
};

enum board_sight { BOARD_SEEING = 0, BOARD_BLIND = 1 };

enum verdict { VERDICT_UNKNOWN = 0, VERDICT_UP = 1, VERDICT_DOWN = 2 };

/* region.state, pool.state, endpoint.state; the numbers are in order of strength. */
enum state { STATE_AUTO = 0, STATE_UP = 1, STATE_DRAIN = 2, STATE_DOWN = 3 };

struct health {
    enum verdict verdict;
    enum state state;
    uint16_t share;      /* 0 .. BOARD_SHARE_ALL */
    uint16_t latency_ms; /* of the median vantage point */
};

/* A mapped board; heap. The memfd holds a header of BOARD_HEADER_LEN bytes and then the words. */
struct board {
    const uint32_t *words;
    uint32_t *writable; /* the same words; NULL in a reader's mapping */
    uint32_t *sight;    /* written to by who may write words */
    uint32_t slots;
    void *mapping; /* NULL when the words are this process's own */
    size_t mapping_len;
};

/* Make a board of `slots` words in a new memfd, sealed against resizing; each word is 0. The fd is
 * the caller's. ERR_LIMIT: none or over BOARD_SLOTS_MAX. */
NODISCARD enum err board_create(uint32_t slots, int *ret_fd, struct diag *reterr);

/* Map the board at `fd`: board_open() read-only (workers), board_open_writer() read-write
 * (control). `slots` is the number of words that the caller will refer to. ERR_LIMIT: over
 * BOARD_SLOTS_MAX. ERR_CORRUPT: no board, not sealed, or fewer words. ERR_VERSION: another
 * version's. The fd stays the caller's. */
NODISCARD enum err board_open(int fd, uint32_t slots, struct board **ret, struct diag *reterr);
NODISCARD enum err board_open_writer(int fd, uint32_t slots, struct board **ret,
                                     struct diag *reterr);
void board_close(struct board **board);

/* A board of `slots` words in this process only, each unknown, auto and with all its share, for
 * gslbctl and tests. */
NODISCARD enum err board_new(uint32_t slots, struct board **ret, struct diag *reterr);

/* Number of words. */
uint32_t board_slots(const struct board *board);

/* Worker. Wait-free. Requires slot < board_slots(). */
struct health board_get(const struct board *board, uint32_t slot);

/* Control. One store. Requires a writer's board and slot < board_slots(). */
void board_set(struct board *board, uint32_t slot, struct health health);

/* Worker. Wait-free. */
enum board_sight board_sight_get(const struct board *board);

/* Control. Requires a writer's board. */
void board_sight_set(struct board *board, enum board_sight sight);

/* "up", "down", "unknown"; "auto", "up", "drain", "down". The parsers return false for anything else. */
const char *verdict_print(enum verdict verdict);
bool verdict_parse(const char *text, enum verdict *ret);
const char *state_print(enum state state);
bool state_parse(const char *text, enum state *ret);

#endif
