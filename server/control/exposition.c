#include "server/control/exposition.h"

#include <stdio.h>
#include <string.h>

static void put(struct buffer *to, const char *text)
{
    (void)buffer_put(to, text, strlen(text));
}

void exposition_family(struct buffer *to, const char *name, enum exposition_type type, const char *help)
{
    put(to, "# HELP ");
    put(to, name);
    put(to, " ");
    put(to, help);
    put(to, "\n# TYPE ");
    put(to, name);
    put(to, type == EXPOSITION_COUNTER ? " counter\n" : " gauge\n");
}

struct exposition exposition_begin(struct buffer *to, const char *name)
{
    put(to, name);
    return (struct exposition){.to = to};
}

static void put_escaped(struct buffer *to, const char *value)
{
    while (*value) {
        const size_t plain = strcspn(value, "\\\"\n");
        (void)buffer_put(to, value, plain);
        value += plain;
        if (*value)
            put(to, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
        value += *value != '\0';
    }
}

void exposition_label(struct exposition *sample, const char *name, const char *value)
{
    put(sample->to, sample->labelled ? "," : "{");
    sample->labelled = true;
    put(sample->to, name);
    put(sample->to, "=\"");
    put_escaped(sample->to, value);
    put(sample->to, "\"");
}

static void end(struct exposition *sample, const char *value)
{
    put(sample->to, sample->labelled ? "} " : " ");
    put(sample->to, value);
    put(sample->to, "\n");
}

void exposition_count(struct exposition *sample, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    end(sample, text);
}

void exposition_real(struct exposition *sample, double value)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.15g", value);
    end(sample, text);
}

void exposition_single_count(struct buffer *to, const char *name, enum exposition_type type, const char *help,
                             uint64_t value)
{
    exposition_family(to, name, type, help);
    struct exposition sample = exposition_begin(to, name);
    exposition_count(&sample, value);
}

void exposition_single_real(struct buffer *to, const char *name, enum exposition_type type, const char *help,
                            double value)
{
    exposition_family(to, name, type, help);
    struct exposition sample = exposition_begin(to, name);
    exposition_real(&sample, value);
}
