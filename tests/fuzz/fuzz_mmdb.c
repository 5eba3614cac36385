/* Any bytes as a geo database file: they are refused, or make a geo image that opens. */
#include "geoip/build.h"
#include "geoip/database.h"
#include "geoip/geo.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* MMDB_open() of libmaxminddb 1.7 loses the list of metadata that it could not read to the end. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb";
}

static void build(struct source *source)
{
    static char name[] = "fuzz";
    static char clients[][20] = {"default", "country:US", "subdivision:US-CA", "asn:64500",
                                 "continent:EU"};
    static struct policy_rule rules[] = {{clients[0], 0, 1, 1},
                                         {clients[1], 1, 1, 1},
                                         {clients[2], 2, 1, 1},
                                         {clients[3], 3, 1, 1},
                                         {clients[4], 4, 1, 1}};
    const struct policy policy = {
        .name = name, .rules = rules, .rules_count = sizeof rules / sizeof rules[0]};
    struct buffer image;
    struct geo geo;
    if (build_geo(&policy, &source, 1, &image, NULL) != OK)
        return;
    if (geo_open(image.bytes, image.len, &geo, NULL) != OK)
        __builtin_trap();
    buffer_fini(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct source *source = NULL;
    struct diag diag;
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0)
        return 0;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, data, size) == (ssize_t)size && database_read(path, &source, &diag) == OK)
        build(source);
    source_free(&source);
    close(fd);
    return 0;
}
