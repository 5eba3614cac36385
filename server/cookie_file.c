#include "server/cookie_file.h"

#include "common/file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

/* The value of a hexadecimal digit, or -1. */
static int digit_parse(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool secret_parse(const char *text, size_t len, struct siphash_key *ret)
{
    uint8_t bytes[SIPHASH_KEY_LEN] = {0};
    if (len != 2 * sizeof bytes)
        return false;
    for (size_t i = 0; i < len; i++) {
        const int digit = digit_parse(text[i]);
        if (digit < 0)
            return false;
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | digit);
    }
    *ret = siphash_key_of(bytes);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* A line without its comment and the white space around it. */
static const char *line_trim(const char *line, size_t *len)
{
    const char *comment = memchr(line, '#', *len);
    if (comment)
        *len = (size_t)(comment - line);
    while (*len > 0 && is_blank(line[*len - 1]))
        --*len;
    for (; *len > 0 && is_blank(*line); --*len)
        line++;
    return line;
}

static enum err line_take(const char *path, unsigned number, const char *line, size_t len,
                          struct cookie_secrets *ret, struct diag *reterr)
{
    line = line_trim(line, &len);
    if (len == 0)
        return OK;
    if (ret->count == COOKIE_SECRETS_MAX)
        return diag_set(reterr, ERR_LIMIT, "%s:%u: more than %d secrets; take the oldest away",
                        path, number, COOKIE_SECRETS_MAX);
    if (!secret_parse(line, len, &ret->keys[ret->count]))
        return diag_set(reterr, ERR_SYNTAX, "%s:%u: not a secret; one is 32 hexadecimal digits",
                        path, number);
    ret->count++;
    return OK;
}

static enum err lines_take(const char *path, const struct buffer *text, struct cookie_secrets *ret,
                           struct diag *reterr)
{
    const char *at = (const char *)text->bytes;
    size_t left = text->len;
    enum err err = OK;
    for (unsigned number = 1; left > 0 && err == OK; number++) {
        const char *end = memchr(at, '\n', left);
        const size_t len = end ? (size_t)(end - at) : left;
        err = line_take(path, number, at, len, ret, reterr);
        left -= end ? len + 1 : len;
        at += len + 1;
    }
    if (err == OK && ret->count == 0)
        return diag_set(reterr, ERR_SYNTAX, "%s: no secret; write one of 32 hexadecimal digits",
                        path);
    return err;
}

/* Whether we, who are the user of --user by now, may read the file. */
static enum err check_readable(const char *path, struct diag *reterr)
{
    if (access(path, R_OK) == 0)
        return OK;
    if (errno == ENOENT)
        return diag_set(reterr, ERR_MISSING,
                        "there is no %s; put a secret of 32 hexadecimal digits there, mode 0600", path);
    return diag_errno(reterr, "cannot read %s, which has to belong to the user of --user", path);
}

enum err cookie_file_read(const char *path, struct cookie_secrets *ret, struct diag *reterr)
{
    struct buffer text = {0};
    struct cookie_secrets secrets = {0};
    enum err err = check_readable(path, reterr);
    if (err == OK)
        err = file_check_private(path, reterr);
    if (err == OK)
        err = file_read(path, COOKIE_FILE_MAX, &text, reterr);
    if (err == OK)
        err = lines_take(path, &text, &secrets, reterr);
    if (text.bytes)
        explicit_bzero(text.bytes, text.len);
    buffer_fini(&text);
    if (err == OK)
        *ret = secrets;
    return err;
}

enum err cookie_file_random(struct cookie_secrets *ret, struct diag *reterr)
{
    struct cookie_secrets secrets = {.count = 1};
    if (getrandom(&secrets.keys[0], sizeof secrets.keys[0], 0) != (ssize_t)sizeof secrets.keys[0])
        return diag_errno(reterr, "getrandom");
    *ret = secrets;
    return OK;
}

enum err cookie_file_share(struct cookie_page **ret, struct diag *reterr)
{
    void *page = mmap(NULL, sizeof(struct cookie_page), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return diag_errno(reterr, "cannot make a shared page");
    *ret = page;
    return OK;
}

enum err cookie_file_protect(struct cookie_page *page, struct diag *reterr)
{
    if (mprotect(page, sizeof *page, PROT_READ) < 0)
        return diag_errno(reterr, "cannot protect a shared page");
    return OK;
}

void cookie_file_forget(struct cookie_page **page)
{
    (void)munmap(*page, sizeof **page);
    *page = NULL;
}
