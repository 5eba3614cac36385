/* common/log.h - one line an event to stderr: `time level=... event=... key=value ...`.
 *
 * Values with a space, a quote, a control character or nothing in them are quoted, with \" \\ and \xHH,
 * so a line is one line whatever a peer sent. A line is cut at LOG_LINE_MAX and written with one write().
 *
 *    struct log_line line;
 *    log_begin(&line, LOG_LEVEL_NOTICE, "verdict");
 *    log_text(&line, "region", region);
 *    log_number(&line, "down", votes);
 *    log_end(&line);
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_MAX = 2048 };

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_DEBUG };

struct log_line {
    enum log_level level;
    size_t len;
    char text[LOG_LINE_MAX];
};

/* Lines above `level` are dropped; LOG_LEVEL_NOTICE at start. */
void log_set_level(enum log_level level);

void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_text(struct log_line *line, const char *key, const char *value);
void log_number(struct log_line *line, const char *key, int64_t value);
void log_end(struct log_line *line);

/* A whole line with one `message`: the sentence of a diag, mostly. */
void log_message(enum log_level level, const char *event, const char *message);

#endif
