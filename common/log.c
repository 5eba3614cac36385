#include "common/log.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level shown = LOG_LEVEL_NOTICE;
static const char *const level_names[] = {"error", "warning", "notice", "debug"};

void log_set_level(enum log_level level)
{
    shown = level;
}

/* Append as much of `text` as leaves room for the newline. */
static void append(struct log_line *line, const char *text, size_t len)
{
    const size_t room = LOG_LINE_MAX - 2 - line->len;
    const size_t part = len < room ? len : room;
    memcpy(line->text + line->len, text, part);
    line->len += part;
}

static void append_quoted(struct log_line *line, const char *value)
{
    append(line, "\"", 1);
    for (const char *p = value; *p; p++) {
        const unsigned char c = (unsigned char)*p;
        char out[5];
        int len = 1;
        out[0] = *p;
        if (c == '"' || c == '\\')
            len = snprintf(out, sizeof out, "\\%c", c);
        else if (c < 32 || c == 127)
            len = snprintf(out, sizeof out, "\\x%02x", c);
        append(line, out, (size_t)len);
    }
    append(line, "\"", 1);
}

static int is_plain(const char *value)
{
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p <= 32 || *p == '"' || *p == '\\' || *p == 127)
            return 0;
    return *value != '\0';
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
    line->level = level;
    line->len = 0;
    const int64_t now_ms = clock_wall_ms();
    const time_t now_s = (time_t)(now_ms / 1000);
    struct tm tm;
    char stamp[96];
    (void)gmtime_r(&now_s, &tm);
    size_t len = strftime(stamp, sizeof stamp, "time=%Y-%m-%dT%H:%M:%S", &tm);
    len += (size_t)snprintf(stamp + len, sizeof stamp - len, ".%03dZ level=%s event=", (int)(now_ms % 1000),
                            level_names[level]);
    append(line, stamp, len);
    append(line, event, strlen(event));
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    append(line, " ", 1);
    append(line, key, strlen(key));
    append(line, "=", 1);
    if (is_plain(value))
        append(line, value, strlen(value));
    else
        append_quoted(line, value);
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    log_text(line, key, text);
}

void log_end(struct log_line *line)
{
    if (line->level > shown)
        return;
    line->text[line->len++] = '\n';
    /* A log that nobody can take is no reason to stop. */
    if (write(STDERR_FILENO, line->text, line->len) < 0)
        return;
}

void log_message(enum log_level level, const char *event, const char *message)
{
    struct log_line line;
    log_begin(&line, level, event);
    log_text(&line, "message", message);
    log_end(&line);
}
