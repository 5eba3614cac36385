#include "prober/multi.h"

#include "common/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct multi {
    struct event_base *base;
    CURLM *handle;
    struct event *timer;
};

/* Hand every finished transfer to its owner. */
static void finish_transfers(struct multi *multi)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(multi->handle, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = message->data.result;
        struct transfer *transfer = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        multi_cancel(multi, transfer);
        transfer->done(transfer, code);
    }
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
    struct multi *multi = context;
    const int actions =
        (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    int running;
    (void)curl_multi_socket_action(multi->handle, fd, actions, &running);
    finish_transfers(multi);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct multi *multi = context;
    int running;
    (void)fd;
    (void)what;
    (void)curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_transfers(multi);
}

/* CURLMOPT_SOCKETFUNCTION: libcurl wants to know of `what` on `fd`. `per_socket` is the event we
 * assigned. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *per_socket)
{
    struct multi *multi = context;
    struct event *event = per_socket;
    (void)easy;
    if (event)
        event_free(event);
    (void)curl_multi_assign(multi->handle, fd, NULL);
    if (what == CURL_POLL_REMOVE)
        return 0;
    const short wanted =
        (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    event = event_new(multi->base, fd, (short)(wanted | EV_PERSIST), on_socket, multi);
    if (!event)
        return -1;
    (void)curl_multi_assign(multi->handle, fd, event);
    return event_add(event, NULL);
}

/* CURLMOPT_TIMERFUNCTION: libcurl wants to be called in `timeout_ms`, or not at all (-1). */
static int set_timer(CURLM *handle, long timeout_ms, void *context)
{
    struct multi *multi = context;
    (void)handle;
    if (timeout_ms < 0)
        return event_del(multi->timer);
    const struct timeval in = clock_timeval(timeout_ms);
    return event_add(multi->timer, &in);
}

static bool set_up(struct multi *multi, long connections_max)
{
    CURLM *h = multi->handle;
    return curl_multi_setopt(h, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK &&
           curl_multi_setopt(h, CURLMOPT_SOCKETDATA, multi) == CURLM_OK &&
           curl_multi_setopt(h, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK &&
           curl_multi_setopt(h, CURLMOPT_TIMERDATA, multi) == CURLM_OK &&
           curl_multi_setopt(h, CURLMOPT_MAXCONNECTS, connections_max) == CURLM_OK;
}

enum err multi_new(struct event_base *base, long connections_max, struct multi **ret,
                   struct diag *reterr)
{
    struct multi *multi = calloc(1, sizeof *multi);
    if (!multi)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    multi->base = base;
    multi->handle = curl_multi_init();
    multi->timer = evtimer_new(base, on_timer, multi);
    if (!multi->handle || !multi->timer || !set_up(multi, connections_max)) {
        multi_free(&multi);
        return diag_set(reterr, ERR_MEMORY, "cannot set up libcurl: out of memory");
    }
    *ret = multi;
    return OK;
}

void multi_free(struct multi **multi)
{
    struct multi *m = *multi;
    if (!m)
        return;
    if (m->handle)
        (void)curl_multi_cleanup(m->handle);
    if (m->timer)
        event_free(m->timer);
    free(m);
    *multi = NULL;
}

enum err multi_start(struct multi *multi, struct transfer *transfer, struct diag *reterr)
{
    assert(!transfer->running);
    if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) != CURLE_OK ||
        curl_multi_add_handle(multi->handle, transfer->easy) != CURLM_OK)
        return diag_set(reterr, ERR_MEMORY, "cannot start a transfer: out of memory");
    transfer->running = true;
    return OK;
}

bool multi_aim(struct transfer *transfer, const struct listen *to)
{
    char ip[IP_TEXT_MAX], text[IP_TEXT_MAX + 16];
    (void)snprintf(text, sizeof text, to->ip.family == IP_V6 ? "::[%s]:%u" : "::%s:%u",
                   ip_print(&to->ip, ip), to->port);
    struct curl_slist *connect_to = curl_slist_append(NULL, text);
    if (!connect_to ||
        curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, connect_to) != CURLE_OK) {
        curl_slist_free_all(connect_to);
        return false;
    }
    curl_slist_free_all(transfer->connect_to);
    transfer->connect_to = connect_to;
    return true;
}

void multi_drop(struct multi *multi, struct transfer *transfer)
{
    multi_cancel(multi, transfer);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->connect_to);
    *transfer = (struct transfer){0};
}

void multi_cancel(struct multi *multi, struct transfer *transfer)
{
    if (!transfer->running)
        return;
    transfer->running = false;
    (void)curl_multi_remove_handle(multi->handle, transfer->easy);
}
