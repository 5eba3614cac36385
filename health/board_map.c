/* health/board_map.c - where boards come from: the memfd, its mappings, and boards on the heap. */
#include "health/board.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct header {
    char magic[8];
    uint32_t version;
    uint32_t slots;
    uint32_t sight;
    uint8_t zeros[BOARD_HEADER_LEN - 20];
};
_Static_assert(sizeof(struct header) == BOARD_HEADER_LEN, "the words begin behind the header");

static const char board_magic[8] = {'g', 's', 'l', 'b', 'b', 'r', 'd', '\n'};

static size_t bytes_of(uint32_t slots)
{
    return BOARD_HEADER_LEN + (size_t)slots * sizeof(uint32_t);
}

static enum err check_slots(uint32_t slots, struct diag *reterr)
{
    if (slots > 0 && slots <= BOARD_SLOTS_MAX)
        return OK;
    return diag_set(reterr, ERR_LIMIT, "board: %u slots; it has 1 to %d", slots, BOARD_SLOTS_MAX);
}

/* Give the new memfd its length, its header and its seals. */
static enum err furnish(int fd, uint32_t slots, struct diag *reterr)
{
    struct header header = {.version = BOARD_VERSION, .slots = slots};
    memcpy(header.magic, board_magic, sizeof board_magic);
    if (ftruncate(fd, (off_t)bytes_of(slots)) < 0)
        return diag_errno(reterr, "board: cannot make %zu bytes of shared memory", bytes_of(slots));
    if (pwrite(fd, &header, sizeof header, 0) != (ssize_t)sizeof header)
        return diag_errno(reterr, "board: cannot write its header");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return diag_errno(reterr, "board: cannot seal its memory");
    return OK;
}

enum err board_create(uint32_t slots, int *ret_fd, struct diag *reterr)
{
    enum err err = check_slots(slots, reterr);
    if (err)
        return err;
    const int fd = memfd_create("gslb-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return diag_errno(reterr, "board: memfd_create");
    err = furnish(fd, slots, reterr);
    if (err) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return OK;
}

/* Whether the memory behind `fd` is a board of at least `slots` words that cannot shrink below a reader. */
static enum err check_fd(int fd, uint32_t slots, struct header *ret, struct diag *reterr)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return diag_errno(reterr, "board: fstat");
    if (pread(fd, ret, sizeof *ret, 0) != (ssize_t)sizeof *ret ||
        memcmp(ret->magic, board_magic, sizeof board_magic) != 0)
        return diag_set(reterr, ERR_CORRUPT, "board: this descriptor is not a board");
    if (ret->version != BOARD_VERSION)
        return diag_set(reterr, ERR_VERSION, "board: version %u; this program has version %d",
                        ret->version, BOARD_VERSION);
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return diag_set(reterr, ERR_CORRUPT, "board: its memory is not sealed against shrinking");
    if (ret->slots > BOARD_SLOTS_MAX || (uint64_t)st.st_size < bytes_of(ret->slots))
        return diag_set(reterr, ERR_CORRUPT, "board: too short for its %u slots", ret->slots);
    if (ret->slots < slots)
        return diag_set(reterr, ERR_CORRUPT, "board: %u slots, where %u are needed", ret->slots,
                        slots);
    return OK;
}

static enum err open_with(int fd, uint32_t slots, int protection, struct board **ret,
                          struct diag *reterr)
{
    struct header header;
    enum err err = check_slots(slots, reterr);
    if (!err)
        err = check_fd(fd, slots, &header, reterr);
    if (err)
        return err;
    struct board *board = calloc(1, sizeof *board);
    if (!board)
        return diag_set(reterr, ERR_MEMORY, "board: out of memory");
    const size_t len = bytes_of(header.slots);
    uint8_t *mapping = mmap(NULL, len, protection, MAP_SHARED, fd, 0);
    if (mapping == MAP_FAILED) {
        free(board);
        return diag_errno(reterr, "board: cannot map %zu bytes", len);
    }
    uint32_t *words = (uint32_t *)(void *)(mapping + BOARD_HEADER_LEN);
    *board = (struct board){.words = words,
                            .writable = protection & PROT_WRITE ? words : NULL,
                            .sight = (uint32_t *)(void *)(mapping + offsetof(struct header, sight)),
                            .slots = header.slots,
                            .mapping = mapping,
                            .mapping_len = len};
    *ret = board;
    return OK;
}

enum err board_open(int fd, uint32_t slots, struct board **ret, struct diag *reterr)
{
    return open_with(fd, slots, PROT_READ, ret, reterr);
}

enum err board_open_writer(int fd, uint32_t slots, struct board **ret, struct diag *reterr)
{
    return open_with(fd, slots, PROT_READ | PROT_WRITE, ret, reterr);
}

void board_close(struct board **board)
{
    if (!*board)
        return;
    if ((*board)->mapping)
        munmap((*board)->mapping, (*board)->mapping_len);
    else
        free((*board)->writable);
    free(*board);
    *board = NULL;
}

enum err board_new(uint32_t slots, struct board **ret, struct diag *reterr)
{
    const enum err err = check_slots(slots, reterr);
    if (err)
        return err;
    struct board *board = calloc(1, sizeof *board);
    uint32_t *words = calloc((size_t)slots + 1, sizeof *words); /* the last is the sight */
    if (!board || !words) {
        free(board);
        free(words);
        return diag_set(reterr, ERR_MEMORY, "board: out of memory");
    }
    *board = (struct board){
        .words = words, .writable = words, .sight = words + slots, .slots = slots};
    for (uint32_t slot = 0; slot < slots; slot++)
        board_set(board, slot, (struct health){.share = BOARD_SHARE_ALL});
    *ret = board;
    return OK;
}
