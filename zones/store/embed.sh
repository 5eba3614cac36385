#!/bin/sh
# Turn a text file into the bytes of a C array initializer, on stdout: embed.sh FILE > FILE.inc
# (a string literal may have only 4095 characters).
od -An -v -tx1 "$1" | sed 's/ \(..\)/0x\1,/g'
