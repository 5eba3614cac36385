#include "zones/compile/problems.h"

#include <stdarg.h>
#include <stdio.h>

void problems_put(struct problems *problems, const char *subject, const char *format, ...)
{
    char message[DIAG_TEXT_MAX];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    problems->count++;
    if (manifest_problem_put(problems->manifest, problems->zone, subject, message, NULL) != OK)
        problems->failed = true;
}
