#include "server/answer/counters.h"

#include "server/answer/codes.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const transport_names[TRANSPORTS] = {"udp", "tcp", "tls"};

static const char *const type_names[COUNTED_TYPES] = {
    [COUNTED_A] = "A",         [COUNTED_AAAA] = "AAAA",     [COUNTED_CNAME] = "CNAME",
    [COUNTED_NS] = "NS",       [COUNTED_SOA] = "SOA",       [COUNTED_MX] = "MX",
    [COUNTED_TXT] = "TXT",     [COUNTED_PTR] = "PTR",       [COUNTED_SRV] = "SRV",
    [COUNTED_SVCB] = "SVCB",   [COUNTED_HTTPS] = "HTTPS",   [COUNTED_CAA] = "CAA",
    [COUNTED_DS] = "DS",       [COUNTED_DNSKEY] = "DNSKEY", [COUNTED_ANY] = "ANY",
    [COUNTED_OTHER] = "OTHER",
};

/* IANA's DNS RCODEs. */
static const char *const rcode_names[COUNTED_RCODES] = {
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",  "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",  "DSOTYPENI", "RCODE12", "RCODE13", "RCODE14",  "RCODE15",
    "BADVERS", "BADKEY",  "BADTIME",  "BADMODE",   "BADNAME", "BADALG",  "BADTRUNC", "BADCOOKIE",
};

static const char *const drop_names[DROPS] = {
    [DROP_SHORT] = "short",
    [DROP_RESPONSE] = "response",
    [DROP_PORT] = "port",
    [DROP_LONG] = "long",
    [DROP_SEND] = "send",
    [DROP_RATE] = "rate",
};

static const char *const cookie_names[COOKIE_VERDICTS] = {
    [COOKIE_ABSENT] = "absent",
    [COOKIE_CLIENT] = "client",
    [COOKIE_BAD] = "bad",
    [COOKIE_GOOD] = "good",
};

static const char *const limited_names[RRL_CLASSES] = {
    [RRL_ANSWER] = "answer",
    [RRL_NXDOMAIN] = "nxdomain",
    [RRL_ERROR] = "error",
};

enum err counters_create(int *ret_fd, struct diag *reterr)
{
    const int fd = memfd_create("gslb-counters", MFD_CLOEXEC);
    if (fd < 0)
        return diag_errno(reterr, "counters: memfd_create");
    if (ftruncate(fd, sizeof(struct counters)) < 0) {
        const enum err err = diag_errno(reterr, "counters: cannot make %zu bytes of shared memory",
                                        sizeof(struct counters));
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return OK;
}

/* NULL: it cannot be mapped, and the diag says why. */
static void *map(int fd, int protection, struct diag *reterr)
{
    void *mapping = mmap(NULL, sizeof(struct counters), protection, MAP_SHARED, fd, 0);
    if (mapping != MAP_FAILED)
        return mapping;
    (void)diag_errno(reterr, "counters: cannot map %zu bytes", sizeof(struct counters));
    return NULL;
}

enum err counters_open_writer(int fd, struct counters **ret, struct diag *reterr)
{
    struct counters *counters = map(fd, PROT_READ | PROT_WRITE, reterr);
    if (!counters)
        return ERR_SYSTEM;
    *ret = counters;
    return OK;
}

enum err counters_open(int fd, const struct counters **ret, struct diag *reterr)
{
    const struct counters *counters = map(fd, PROT_READ, reterr);
    if (!counters)
        return ERR_SYSTEM;
    *ret = counters;
    return OK;
}

const char *counters_transport_name(enum transport transport)
{
    assert(transport < TRANSPORTS);
    return transport_names[transport];
}

const char *counters_type_name(enum counted_type type)
{
    assert(type < COUNTED_TYPES);
    return type_names[type];
}

const char *counters_rcode_name(unsigned rcode)
{
    assert(rcode < COUNTED_RCODES);
    return rcode_names[rcode];
}

const char *counters_drop_name(enum drop drop)
{
    assert(drop < DROPS);
    return drop_names[drop];
}

const char *counters_cookie_name(enum cookie_verdict verdict)
{
    assert(verdict < COOKIE_VERDICTS);
    return cookie_names[verdict];
}

const char *counters_limited_name(enum rrl_class class)
{
    assert(class < RRL_CLASSES);
    return limited_names[class];
}

uint64_t counters_sum(const struct counters *const *workers, size_t workers_count, size_t off)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < workers_count; i++) {
        const uint8_t *page = (const uint8_t *)workers[i];
        sum += __atomic_load_n((const uint64_t *)(const void *)(page + off), __ATOMIC_RELAXED);
    }
    return sum;
}

enum counted_type counters_type_of(uint16_t qtype)
{
    switch (qtype) {
    case QTYPE_A:
        return COUNTED_A;
    case QTYPE_AAAA:
        return COUNTED_AAAA;
    case QTYPE_CNAME:
        return COUNTED_CNAME;
    case QTYPE_NS:
        return COUNTED_NS;
    case QTYPE_SOA:
        return COUNTED_SOA;
    case QTYPE_MX:
        return COUNTED_MX;
    case QTYPE_TXT:
        return COUNTED_TXT;
    case QTYPE_PTR:
        return COUNTED_PTR;
    case QTYPE_SRV:
        return COUNTED_SRV;
    case QTYPE_SVCB:
        return COUNTED_SVCB;
    case QTYPE_HTTPS:
        return COUNTED_HTTPS;
    case QTYPE_CAA:
        return COUNTED_CAA;
    case QTYPE_DS:
        return COUNTED_DS;
    case QTYPE_DNSKEY:
        return COUNTED_DNSKEY;
    case QTYPE_ANY:
        return COUNTED_ANY;
    default:
        return COUNTED_OTHER;
    }
}
