#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err diag_set(struct diag *diag, enum err err, const char *format, ...)
{
    if (diag) {
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(diag->text, sizeof diag->text, format, ap);
        va_end(ap);
    }
    return err;
}

enum err diag_errno(struct diag *diag, const char *format, ...)
{
    const int saved = errno;
    if (diag) {
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(diag->text, sizeof diag->text, format, ap);
        va_end(ap);
        const size_t len = strlen(diag->text);
        (void)snprintf(diag->text + len, sizeof diag->text - len, ": %s", strerror(saved));
    }
    return ERR_SYSTEM;
}

enum err diag_prefix(struct diag *diag, enum err err, const char *format, ...)
{
    if (diag) {
        char rest[DIAG_TEXT_MAX];
        memcpy(rest, diag->text, sizeof rest);
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(diag->text, sizeof diag->text, format, ap);
        va_end(ap);
        const size_t len = strlen(diag->text);
        (void)snprintf(diag->text + len, sizeof diag->text - len, ": %s", rest);
    }
    return err;
}
