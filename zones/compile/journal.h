/* zones/compile/journal.h - what became of a zone since its last blob: the deltas that its secondaries are
 * sent (RFC 1995).
 *
 * Made by the compiler when a zone that others may copy has been compiled anew: its blob and the last one are
 * compared as a transfer would send them (a service as its stand-ins), and the difference goes behind the
 * deltas that the last blob has. Several edits that one compile sees make one delta. What the result looks
 * like is in zones/image/image.h.
 *
 * A journal holds the newest deltas only: IMAGE_DELTAS_MAX of them, which together are no longer than the
 * zone, when the whole is the shorter answer (RFC 1995 5), or than JOURNAL_LEN_MIN. It begins anew where
 * there is no way from what a secondary may have: nobody could copy the last blob, the serial went back, or
 * the zone is another with the same serial.
 */
#ifndef ZONES_COMPILE_JOURNAL_H
#define ZONES_COMPILE_JOURNAL_H

#include "common/buffer.h"
#include "common/err.h"
#include "zones/image/image.h"

#include <stddef.h>

enum {
    JOURNAL_LEN_MIN = 16 * 1024,       /* bytes that any zone's may have: one message of a transfer */
    JOURNAL_LEN_MAX = 4 * 1024 * 1024, /* bytes: each compile of a zone in the same pack writes them again */
};

/* Append the journal to the blob that begins at `mark` and ends `out`. `last` is the blob that the zone had
 * before; NULL: none. ERR_MEMORY. Cost: linear in the zone; of an rrset that is the same, one comparison. */
NODISCARD enum err journal_put(struct buffer *out, size_t mark, const struct image_zone *last,
                               struct diag *reterr);

#endif
