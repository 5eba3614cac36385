/* server/cookie_file.h - where the secrets of DNS cookies come from: a file of the operator's, or chance.
 *
 * The file has a secret of 32 hexadecimal digits on each line, which is also what NSD and Unbound take; the
 * first one makes cookies (server/answer/cookie.h). Empty lines and comments after `#` are passed over. Only
 * its owner may be able to read it.
 */
#ifndef SERVER_COOKIE_FILE_H
#define SERVER_COOKIE_FILE_H

#include "common/err.h"
#include "server/answer/cookie.h"

enum { COOKIE_FILE_MAX = 4096 }; /* bytes: four secrets and what there is to say of them */

/* Read the file. ERR_MISSING: no such file. ERR_REFUSED: others may read it. ERR_LIMIT: too
 * long, or too many secrets. ERR_SYNTAX: no secret, or a line that is none; the diag names the
 * line, and no part of a secret. */
NODISCARD enum err cookie_file_read(const char *path, struct cookie_secrets *ret,
                                    struct diag *reterr);

/* One secret that nobody knows. ERR_SYSTEM. */
NODISCARD enum err cookie_file_random(struct cookie_secrets *ret, struct diag *reterr);

/* A page that processes forked from here on share; it lives as long as they do. ERR_SYSTEM. */
NODISCARD enum err cookie_file_share(struct cookie_page **ret, struct diag *reterr);

/* In a child: from here on it can read the page and not write it. ERR_SYSTEM. */
NODISCARD enum err cookie_file_protect(struct cookie_page *page, struct diag *reterr);

/* In a child that has no use for the secrets: the page is gone. */
void cookie_file_forget(struct cookie_page **page);

#endif
