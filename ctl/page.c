#include "ctl/page.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SILENCE_MAX_S = 10 }; /* each vantage point is heard, and written down, more often */

const char *page_time(int64_t at_ms, char text[32])
{
    const time_t at_s = (time_t)(at_ms / 1000);
    struct tm tm;
    (void)gmtime_r(&at_s, &tm);
    const size_t len = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text + len, 32 - len, ".%03dZ", (int)(at_ms % 1000));
    return text;
}

static const char *text_of(const json_t *row, const char *member)
{
    const char *text = json_string_value(json_object_get(row, member));
    return text ? text : "";
}

static int64_t number_of(const json_t *row, const char *member)
{
    return (int64_t)json_number_value(json_object_get(row, member));
}

/* "12 s", "3 min", "2 h", "5 d". */
static const char *span_print(int64_t span_s, char text[32])
{
    if (span_s < 120)
        (void)snprintf(text, 32, "%" PRId64 " s", span_s > 0 ? span_s : 0);
    else if (span_s < 7200)
        (void)snprintf(text, 32, "%" PRId64 " min", span_s / 60);
    else if (span_s < 172800)
        (void)snprintf(text, 32, "%" PRId64 " h", span_s / 3600);
    else
        (void)snprintf(text, 32, "%" PRId64 " d", span_s / 86400);
    return text;
}

static const char *age_of(int64_t then_s, int64_t now_s, char text[32])
{
    return then_s == 0 ? "never" : span_print(now_s - then_s, text);
}

/* What tells subjects apart: a region has only the second, a pool the first two. */
static const char *const keys[] = {"service", "region", "address"};

/* Those that are columns; a service is a line above its rows. */
enum { COLUMNS = 2 };

static const struct {
    const char *member, *head;
} columns[COLUMNS] = {{"region", "REGION"}, {"address", "ADDRESS"}};

/* The operator's state of a subject and how long it will last, "auto" where there is no row. */
static const char *state_of(const json_t *document, const char *kind, const json_t *subject, int64_t now_s,
                            char text[64])
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(document, "states"), i, row) {
        char left[32];
        const int64_t until_s = number_of(row, "until");
        bool same = strcmp(text_of(row, "kind"), kind) == 0;
        for (size_t k = 0; k < sizeof keys / sizeof *keys && same; k++)
            same = strcmp(text_of(row, keys[k]), text_of(subject, keys[k])) == 0;
        if (!same)
            continue;
        (void)snprintf(text, 64, "%s%s%s", text_of(row, "state"), until_s ? ", " : "",
                       until_s ? span_print(until_s - now_s, left) : "");
        return text;
    }
    return "auto";
}

/* As wide as the longest, so that a row fits where the names do; 0: no row has this. */
static void measure(const json_t *rows, int ret_widths[COLUMNS])
{
    for (size_t k = 0; k < COLUMNS; k++) {
        size_t i, len = 0;
        const json_t *row;
        json_array_foreach (rows, i, row)
            if (strlen(text_of(row, columns[k].member)) > len)
                len = strlen(text_of(row, columns[k].member));
        ret_widths[k] = len > 0 && len < strlen(columns[k].head) ? (int)strlen(columns[k].head) : (int)len;
    }
}

static void print_column(const char *text, int width)
{
    if (width > 0)
        printf("  %-*s", width, text);
}

/* A latency is of what is up; else it would be that of the last success, or of none. */
static const char *latency_of(const json_t *row, const char *verdict, char text[32])
{
    if (strcmp(text_of(row, verdict), "up") != 0)
        return "-";
    (void)snprintf(text, 32, "%" PRId64 " ms", number_of(row, "latency_ms"));
    return text;
}

static void print_health(const json_t *document, const char *member, const char *kind, int64_t now_s)
{
    const json_t *rows = json_object_get(document, member), *row;
    const char *service = "";
    int widths[COLUMNS];
    size_t i;
    measure(rows, widths);
    printf("\n%s%s\n", member, json_array_size(rows) ? "" : ": none");
    if (json_array_size(rows) == 0)
        return;
    printf("  ");
    for (size_t k = 0; k < COLUMNS; k++)
        print_column(columns[k].head, widths[k]);
    printf("  %-7s  %-13s  %3s %4s %4s %8s %7s  %s\n", "VERDICT", "STATE", "UP", "DOWN", "UNK.", "LATENCY",
           "SINCE", "REASON");
    json_array_foreach (rows, i, row) {
        char age[32], state[64], latency[32];
        if (strcmp(text_of(row, "service"), service) != 0)
            printf("  %s\n", service = text_of(row, "service"));
        printf("  ");
        for (size_t k = 0; k < COLUMNS; k++)
            print_column(text_of(row, columns[k].member), widths[k]);
        printf("  %-7s  %-13s  %3" PRId64 " %4" PRId64 " %4" PRId64 " %8s %7s  %s\n", text_of(row, "verdict"),
               state_of(document, kind, row, now_s, state), number_of(row, "up"), number_of(row, "down"),
               number_of(row, "unknown"), latency_of(row, "verdict", latency),
               age_of(number_of(row, "since"), now_s, age), text_of(row, "reason"));
    }
}

static void print_vantages(const json_t *document, int64_t now_s)
{
    size_t i;
    const json_t *row;
    printf("\n%-20s %-10s %-10s %s\n", "vantages", "LAST SEEN", "VOTES", "SUSPECT");
    json_array_foreach (json_object_get(document, "vantages"), i, row) {
        char age[32];
        printf("%-20s %-10s %-10" PRId64 " %s\n", text_of(row, "name"),
               age_of(number_of(row, "last_seen"), now_s, age), number_of(row, "votes"),
               json_is_true(json_object_get(row, "suspect")) ? "yes" : "no");
    }
    printf("\n%-20s %-36s %-8s %9s %8s  %s\n", "votes", "CHECK", "VOTE", "LATENCY", "SINCE", "REASON");
    json_array_foreach (json_object_get(document, "votes"), i, row) {
        char age[32], latency[32];
        printf("%-20s %-36s %-8s %9s %8s  %s\n", text_of(row, "vantage"), text_of(row, "check"),
               text_of(row, "vote"), latency_of(row, "vote", latency),
               age_of(number_of(row, "since"), now_s, age), text_of(row, "reason"));
    }
}

static void print_load(const json_t *document)
{
    const json_t *load = json_object_get(document, "load"), *row;
    char at[32];
    const int64_t zones = number_of(load, "zones");
    size_t i;
    if (load)
        printf("generation %" PRId64 ", %" PRId64 " zone%s, %s at %s\n", number_of(load, "generation"), zones,
               zones == 1 ? "" : "s", json_is_true(json_object_get(load, "ok")) ? "loaded" : "load failed",
               page_time((int64_t)(json_number_value(json_object_get(load, "at")) * 1000), at));
    json_array_foreach (json_object_get(document, "problems"), i, row)
        printf("problem: %s%s%s: %s\n", text_of(row, "zone"),
               text_of(row, "zone")[0] && text_of(row, "subject")[0] ? ": " : "", text_of(row, "subject"),
               text_of(row, "message"));
}

static void print_written(const json_t *document, int64_t now_s)
{
    char age[32];
    const int64_t written_s = number_of(document, "written");
    printf("written %s ago%s\n", span_print(now_s - written_s, age),
           now_s - written_s > SILENCE_MAX_S ? ": no prober has been heard since, or gslbd is not running"
                                             : "");
}

void page_print(const json_t *document, int64_t now_s)
{
    print_written(document, now_s);
    print_load(document);
    print_health(document, "regions", "region", now_s);
    print_health(document, "pools", "pool", now_s);
    print_health(document, "endpoints", "endpoint", now_s);
    print_vantages(document, now_s);
}
