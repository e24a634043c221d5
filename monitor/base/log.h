/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages about what happens while a guest runs and has no caller to return
 * an error to. Silent until main says where they go.
 */
#ifndef R3_LOG_H
#define R3_LOG_H

/**
 * log_open() - where messages go from now on
 * @fd: descriptor, -1 for nowhere; stays the caller's
 * @prefix: before each message, "ring3" gives "ring3: message"; not copied
 *
 * Before other threads start.
 */
void log_open(int fd, const char *prefix);

/* One line, from any thread. A guest can cause these: at most a few a second. */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
