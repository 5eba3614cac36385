/* ctl/page.h - the status document as a page for people.
 */
#ifndef CTL_PAGE_H
#define CTL_PAGE_H

#include <jansson.h>
#include <stdint.h>

/* Print the document of cmd_status() to stdout. `now_s` is unix time, for ages. */
void page_print(const json_t *document, int64_t now_s);

/* Unix time in milliseconds as 2026-11-20T10:00:00.000Z. */
const char *page_time(int64_t at_ms, char text[32]);

#endif
