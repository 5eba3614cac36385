/* common/notify.h - tell systemd how a service is doing (sd_notify(3)), without its library.
 *
 * One datagram to the socket that $NOTIFY_SOCKET names, a path or, after '@', an abstract name.
 * Without the variable, or when nobody listens, nothing happens: a service must run under
 * anything.
 */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

/* Send `state`, "READY=1" or "STOPPING=1". */
void notify_send(const char *state);

#endif
