#!/bin/sh
# Fail if a data-path object refers to anything that can block, allocate, log or tell time.
# usage: hotpath.sh libanswer.a
set -eu
banned='malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf printf fprintf vfprintf puts fputs fwrite
getenv rand random time clock_gettime gettimeofday nanosleep usleep sleep poll select getaddrinfo open openat fopen read write'
families='pthread_mutex_ pthread_cond_ pthread_rwlock_ sqlite3_ ldns_ MMDB_ log_ clock_ event_ evbuffer_ json_ buffer_ file_'
members=$(ar t "$1" | wc -l)
[ "$members" -ge 8 ] || { echo "$1: only $members objects; the archive is not the data path"; exit 1; }
nm -u --format=posix "$1" | awk -v banned="$banned" -v families="$families" '
    BEGIN { nb = split(banned, b); nf = split(families, f) }
    /\[.*\]:$/ { member = $1 }
    { for (i = 1; i <= nb; i++) if ($1 == b[i]) { print member " " $1 ": not on the data path"; bad = 1 }
      for (i = 1; i <= nf; i++) if (index($1, f[i]) == 1) { print member " " $1 ": not on the data path"; bad = 1 } }
    END { exit bad }'
