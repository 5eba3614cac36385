/* common/err.h - what can go wrong outside the answer path, and the sentence that says so.
 *
 * A control-plane function returns an `enum err`; on anything but OK it has changed nothing and
 * has left one sentence in the caller's `struct diag`: which thing, where in it, and what to do.
 * A function logs or returns an error, never both. Bugs are `assert`, packets are verdict enums.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#define NODISCARD __attribute__((warn_unused_result))

enum err {
    OK = 0,
    ERR_SYSTEM,  /* a system call failed; the diag ends in strerror() */
    ERR_MEMORY,  /* out of memory */
    ERR_LIMIT,   /* over a limit of docs/LIMITS.md, which the diag names */
    ERR_SYNTAX,  /* text that does not parse */
    ERR_CORRUPT, /* bytes that are not what their header says */
    ERR_VERSION, /* written by a newer or an older program */
    ERR_MISSING, /* a file, row or name that is not there */
    ERR_EXISTS,  /* a thing that is there already */
    ERR_REFUSED, /* not allowed: permissions, signatures, policy */
    ERR_BUSY,    /* locked by somebody else; try again */
};

enum { DIAG_TEXT_MAX = 512 };

struct diag {
    char text[DIAG_TEXT_MAX]; /* one sentence, no newline, NUL-terminated, cut off if too long */
};

/* Put a sentence into `diag` (which may be NULL) and return `err`, so that a caller can
 * write `return diag_set(reterr, ERR_SYNTAX, ...)`. */
enum err diag_set(struct diag *diag, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As diag_set() with ERR_SYSTEM, and ": strerror(errno)" after the sentence. */
enum err diag_errno(struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "prefix: " before the sentence that is there; returns `err`. */
enum err diag_prefix(struct diag *diag, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
