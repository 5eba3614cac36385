#include "ctl/page.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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
static const char *age_of(int64_t then_s, int64_t now_s, char text[32])
{
    const int64_t age_s = now_s > then_s ? now_s - then_s : 0;
    if (then_s == 0)
        (void)snprintf(text, 32, "never");
    else if (age_s < 120)
        (void)snprintf(text, 32, "%" PRId64 " s", age_s);
    else if (age_s < 7200)
        (void)snprintf(text, 32, "%" PRId64 " min", age_s / 60);
    else if (age_s < 172800)
        (void)snprintf(text, 32, "%" PRId64 " h", age_s / 3600);
    else
        (void)snprintf(text, 32, "%" PRId64 " d", age_s / 86400);
    return text;
}

/* The operator's state of a subject, "auto" where there is no row. */
static const char *state_of(const json_t *document, const char *kind, const json_t *subject)
{
    static const char *const keys[] = {"service", "region", "address"};
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(document, "states"), i, row) {
        bool same = strcmp(text_of(row, "kind"), kind) == 0;
        for (size_t k = 0; k < 3 && same; k++)
            same = strcmp(text_of(row, keys[k]), text_of(subject, keys[k])) == 0;
        if (same)
            return text_of(row, "state");
    }
    return "auto";
}

static void print_health(const json_t *document, const char *member, const char *kind, int64_t now_s)
{
    size_t i;
    const json_t *row;
    printf("\n%-28s %-10s %-28s %-8s %-6s %3s %5s %7s %8s %7s  %s\n", member, "REGION", "ADDRESS", "VERDICT", "STATE", "UP", "DOWN",
           "UNKNOWN", "LATENCY", "SINCE", "REASON");
    json_array_foreach (json_object_get(document, member), i, row) {
        char age[32];
        printf("%-28s %-10s %-28s %-8s %-6s %3" PRId64 " %5" PRId64 " %7" PRId64 " %5" PRId64 " ms %7s  %s\n",
               text_of(row, "service"), text_of(row, "region"), text_of(row, "address"), text_of(row, "verdict"),
               state_of(document, kind, row), number_of(row, "up"), number_of(row, "down"), number_of(row, "unknown"),
               number_of(row, "latency_ms"), age_of(number_of(row, "since"), now_s, age), text_of(row, "reason"));
    }
}

static void print_vantages(const json_t *document, int64_t now_s)
{
    size_t i;
    const json_t *row;
    printf("\n%-20s %-10s %-10s %s\n", "vantages", "LAST SEEN", "VOTES", "SUSPECT");
    json_array_foreach (json_object_get(document, "vantages"), i, row) {
        char age[32];
        printf("%-20s %-10s %-10" PRId64 " %s\n", text_of(row, "name"), age_of(number_of(row, "last_seen"), now_s, age),
               number_of(row, "votes"), json_is_true(json_object_get(row, "suspect")) ? "yes" : "no");
    }
    printf("\n%-20s %-36s %-8s %9s %8s  %s\n", "votes", "CHECK", "VOTE", "LATENCY", "SINCE", "REASON");
    json_array_foreach (json_object_get(document, "votes"), i, row) {
        char age[32];
        printf("%-20s %-36s %-8s %6" PRId64 " ms %8s  %s\n", text_of(row, "vantage"), text_of(row, "check"), text_of(row, "vote"),
               number_of(row, "latency_ms"), age_of(number_of(row, "since"), now_s, age), text_of(row, "reason"));
    }
}

static void print_load(const json_t *document)
{
    const json_t *load = json_object_get(document, "load"), *row;
    char at[32];
    size_t i;
    if (load)
        printf("generation %" PRId64 ", %" PRId64 " zones, %s at %s\n", number_of(load, "generation"), number_of(load, "zones"),
               json_is_true(json_object_get(load, "ok")) ? "loaded" : "load failed",
               page_time((int64_t)(json_number_value(json_object_get(load, "at")) * 1000), at));
    json_array_foreach (json_object_get(document, "problems"), i, row)
        printf("problem: %s%s%s: %s\n", text_of(row, "zone"), text_of(row, "zone")[0] && text_of(row, "subject")[0] ? ": " : "",
               text_of(row, "subject"), text_of(row, "message"));
}

void page_print(const json_t *document, int64_t now_s)
{
    print_load(document);
    print_health(document, "regions", "region", now_s);
    print_health(document, "pools", "pool", now_s);
    print_health(document, "endpoints", "endpoint", now_s);
    print_vantages(document, now_s);
}
