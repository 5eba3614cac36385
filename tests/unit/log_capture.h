/* tests/unit/log_capture.h - what is logged between two moments, as text.
 */
#ifndef TESTS_UNIT_LOG_CAPTURE_H
#define TESTS_UNIT_LOG_CAPTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* Less than a pipe holds, so that writing it never waits. */
struct log_capture {
    int saved, reader;
    char text[32768];
};

static inline void log_capture_begin(struct log_capture *capture)
{
    int fds[2];
    capture->saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(fds), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    close(fds[1]);
    capture->reader = fds[0];
}

/* Returns the text, which is in `capture`. */
static inline const char *log_capture_end(struct log_capture *capture)
{
    assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
    close(capture->saved);
    const ssize_t got = read(capture->reader, capture->text, sizeof capture->text - 1);
    close(capture->reader);
    assert_true(got >= 0);
    capture->text[got] = '\0';
    return capture->text;
}

#endif
