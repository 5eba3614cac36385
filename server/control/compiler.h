/* server/control/compiler.h - the process `gslbd:compiler`: one compile, reported on a socket, and its end.
 *
 * It is this very program, executed anew: what control has in its memory (keys, and SQLite's notes on its
 * locks, which do not survive a fork) stays out of it. Its command line is COMPILER_NAME, the store, the
 * state directory, the geo databases; descriptor COMPILER_FD is a SOCK_SEQPACKET socket to control, where
 * reports of fixed layout go.
 *
 *    compiler -> control    REPORT_WORLD: manifest.next is there, publish it
 *    control -> compiler    one byte: it is published, commit it      (or the end of the socket: do not)
 *    compiler -> control    REPORT_COMMITTED
 *
 *    compiler -> control    REPORT_SAME: nothing has changed          REPORT_FAILED: why
 */
#ifndef SERVER_CONTROL_COMPILER_H
#define SERVER_CONTROL_COMPILER_H

#include "common/err.h"

#include <stdint.h>

#define COMPILER_NAME "gslbd:compiler"

enum {
    COMPILER_FD = 3,
    COMPILER_NICE = 5,            /* answering goes first */
    COMPILER_CPU_MAX_S = 300,     /* RLIMIT_CPU */
    COMPILER_MEMORY_MAX_GIB = 16, /* RLIMIT_AS: ten million records and a City database */
    /* Bytes; fixed, so that a growing array's last place goes back at once. */
    COMPILER_MMAP_THRESHOLD = 128 << 10,
};

enum report_kind { REPORT_WORLD = 1, REPORT_SAME, REPORT_FAILED, REPORT_COMMITTED };

struct compiler_report {
    uint32_t kind; /* enum report_kind */
    uint32_t err;  /* REPORT_FAILED: enum err */
    uint64_t generation;  /* REPORT_WORLD: this, and what follows */
    uint64_t zones_count; /* in the world */
    uint64_t zones_built; /* compiled now, not taken over */
    uint64_t problems;
    struct diag diag; /* REPORT_FAILED: the sentence */
};

/* The compiler's main(). Returns its exit status. */
int compiler_main(int argc, char **argv);

#endif
