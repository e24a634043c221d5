/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libring3 - machines of ring3 from a program: libring3(3), docs/library.md
 *
 * A struct ring3 is one running machine of this user. Everything that is done with it goes
 * over the machine's own socket (docs/control.md), or is done by the program "ring3".
 *
 * Threads: any number of threads may use one struct ring3, one struct ring3_command or one struct
 * ring3_events at the same time; only what frees it must be the last. The library has no state
 * of its own. It reads the environment as the program "ring3" does (XDG_RUNTIME_DIR,
 * XDG_DATA_HOME, TMPDIR, PATH), and RING3_PROGRAM: the path of "ring3", if PATH does not have it.
 *
 * Errors: what returns int or ssize_t returns a negative errno when it fails, and what is to be
 * filled is filled only on success, unless the function says otherwise. *error, which may be NULL, gets the same number and the sentence that the command line
 * would print. Of all functions:
 *
 *	-ENOENT		no such machine runs
 *	-ECONNRESET	it ended meanwhile
 *	-ESTALE		the machine that was opened has ended, another one has its name
 *	-ETIMEDOUT	the time is up
 *	-EPROTO		it refused, and why; or what it answered makes no sense
 *	-EINVAL		what was given makes no sense
 *	-ENOMEM		out of memory
 *
 * Times are milliseconds of int; RING3_EVER is without bound. Sizes are bytes. Text is terminated.
 * Text and data that the library allocates are given back by ring3_free().
 */
#ifndef RING3_H
#define RING3_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RING3_EVER		(-1)
#define RING3_NAME_SIZE		64

struct ring3;
struct ring3_command;
struct ring3_events;

struct ring3_error {
	int code;			/* negative errno */
	char text[1024];		/* one sentence, without a line's end */
};

/* The version of the library, which is that of ring3: "0.1.0". Lives for ever. */
const char *ring3_version(void);

/* Gives back what the library allocated for the caller. NULL is nothing. */
void ring3_free(void *p);

/* ---- machines ---- */

/**
 * struct ring3_start - a machine to be started
 * @size: sizeof(struct ring3_start)
 * @options: options of "ring3 run" without -d, ends with NULL: "--mem", "256M", "--net", "none"; may be NULL
 * @command: its command, ends with NULL; NULL: none, it is there for ring3_exec()
 * @timeout_ms: until it is ready; 0 or RING3_EVER: without bound
 *
 * Later versions append members: those that @size does not have count as 0.
 */
struct ring3_start {
	size_t size;
	const char *const *options;
	const char *const *command;
	int timeout_ms;
};

/**
 * ring3_start() - start a machine in the background, and wait until it is ready
 *
 * It lives until it is stopped or its command ends, whether or not the caller lives. When the
 * time is up, nothing is left of it.
 *
 * Return: 0 with *machine to be closed; -ENOENT: there is no program "ring3"; -ECANCELED: it could
 * not be started, and why.
 */
int ring3_start(const struct ring3_start *start, struct ring3 **machine, struct ring3_error *error);

/* A machine that runs, by its name: 0 with *machine to be closed. */
int ring3_open(const char *name, struct ring3 **machine, struct ring3_error *error);

/* Gives the handle back. The machine runs on. NULL is nothing. */
void ring3_close(struct ring3 *machine);

/* Its name; lives as long as the handle. A machine that was renamed is opened anew by its new name. */
const char *ring3_name(const struct ring3 *machine);

/* Names of all machines that run: ends with NULL, to be given back by ring3_list_free(). Return: how many. */
int ring3_list(char ***names, struct ring3_error *error);
void ring3_list_free(char **names);

/**
 * ring3_request() - any request of the control protocol that has one answer
 * @json: the object, in at most 4000 bytes
 * @answer: the answer's JSON in one line of ASCII, to be given back; may be NULL
 */
int ring3_request(struct ring3 *machine, const char *json, int timeout_ms, char **answer, struct ring3_error *error);

/* "guest" of "info", and "stats": JSON as docs/control.md has it, to be given back. Within 5 s. */
int ring3_info(struct ring3 *machine, char **json, struct ring3_error *error);
int ring3_stats(struct ring3 *machine, char **json, struct ring3_error *error);

/* It uses no CPU time and its own time stands still; and it goes on. Within 5 s. */
int ring3_pause(struct ring3 *machine, struct ring3_error *error);
int ring3_resume(struct ring3 *machine, struct ring3_error *error);

/* Asks it to power off, and waits. When the time is up it is ended as by ring3_kill(), which is a success. */
int ring3_stop(struct ring3 *machine, int timeout_ms, struct ring3_error *error);

/* Ends it at once, as if its power were cut; waits for that, at most 10 s. */
int ring3_kill(struct ring3 *machine, struct ring3_error *error);

/* A signal, 1 to 64, for the machine's own command. */
int ring3_signal(struct ring3 *machine, int signal, struct ring3_error *error);

/* Until it has ended: 0 with the exit status that "ring3 run" has, 0 to 255; 122: its process was killed. Also of one that has ended. */
int ring3_wait(struct ring3 *machine, int timeout_ms, int *status, struct ring3_error *error);

/**
 * ring3_attach() - a device for the machine as it runs
 * @kind: "disk", "net", "share"
 * @text: as the option of "ring3 attach" has it; paths are absolute
 * @device: its name for ring3_detach(); may be NULL
 * @guest: what the guest calls it, may be empty, or cut; may be NULL
 */
int ring3_attach(struct ring3 *machine, const char *kind, const char *text, int timeout_ms, char device[RING3_NAME_SIZE],
		 char guest[RING3_NAME_SIZE], struct ring3_error *error);

#define RING3_FORCE		1u	/* also if it is in use in the guest */

/* -EPROTO: among others, it is in use. */
int ring3_detach(struct ring3 *machine, const char *device, unsigned int flags, int timeout_ms, struct ring3_error *error);

/* ---- commands ---- */

#define RING3_EXEC_USER		1u	/* as uid and gid, without other groups; else root */

/**
 * struct ring3_exec - a command in the guest
 * @size: sizeof(struct ring3_exec)
 * @argv: ends with NULL; NULL: root's login shell
 * @env: NAME=VALUE, ends with NULL; beside what every command of the machine has; may be NULL
 * @cwd: NULL: the user's home
 * @flags: RING3_EXEC_*
 */
struct ring3_exec {
	size_t size;
	const char *const *argv;
	const char *const *env;
	const char *cwd;
	unsigned int flags;
	uid_t uid;
	gid_t gid;
};

/* Asks for it: 0 with *command to be closed. Whether it could be started is told later. Within 5 s. */
int ring3_exec(struct ring3 *machine, const struct ring3_exec *exec, struct ring3_command **command, struct ring3_error *error);

/**
 * ring3_read() - some of what it writes
 * @stream: 1 stdout, 2 stderr
 *
 * A command that nobody reads of is held up when 256 KiB of a stream wait.
 *
 * Return: bytes; 0: it has ended and all was read; -ENOEXEC: it was never started, and why.
 */
ssize_t ring3_read(struct ring3_command *command, int *stream, void *data, size_t size, int timeout_ms, struct ring3_error *error);

/*
 * Writes to its stdin. Return: bytes, which may be less than len, as far as the time goes; -EPIPE: it has ended or reads no more;
 * -ETIMEDOUT: none.
 */
ssize_t ring3_write(struct ring3_command *command, const void *data, size_t len, int timeout_ms, struct ring3_error *error);

/* The end of its stdin. */
int ring3_close_stdin(struct ring3_command *command, struct ring3_error *error);

/* A signal, 1 to 64, for its process group. -ESRCH: it has ended. */
int ring3_command_signal(struct ring3_command *command, int signal, struct ring3_error *error);

/*
 * Until it has ended: 0 with its exit status as a shell has it, 0 to 255; -ENOEXEC: it was never started, and why,
 * with *status 126, 127 or 125 as "ring3 exec" has it. Its output can be read still. Who does not read lets it wait.
 */
int ring3_command_wait(struct ring3_command *command, int timeout_ms, int *status, struct ring3_error *error);

/* Hangs up: a command that runs still gets SIGHUP. NULL is nothing. */
void ring3_command_close(struct ring3_command *command);

/**
 * struct ring3_result - what came of a command; zeroed by the library
 * @status: exit status, 0 to 255
 * @out: stdout, behind which there is a 0 that @out_len does not count
 */
struct ring3_result {
	int status;
	char *out, *err;
	size_t out_len, err_len;
};

/**
 * ring3_run() - a command from its start to its end
 * @input: its stdin, @len bytes; NULL with 0: at its end from the start
 * @max: how much of stdout, and of stderr, is taken
 * @timeout_ms: for all of it
 *
 * When the time is up or there is more output, its process group is killed.
 *
 * Return: 0; -ETIMEDOUT; -EOVERFLOW: more output than @max; -ENOEXEC as above. *result is filled in each case
 * with what there was, and is given back by ring3_result_free().
 */
int ring3_run(struct ring3 *machine, const struct ring3_exec *exec, const void *input, size_t len, size_t max, int timeout_ms,
	      struct ring3_result *result, struct ring3_error *error);
void ring3_result_free(struct ring3_result *result);

/* ---- files ---- */

#define RING3_COPY_ARCHIVE	1u	/* owners, special bits, capabilities, ACLs */
#define RING3_COPY_FOLLOW	2u	/* if the source itself is a symbolic link: what it leads to */

/*
 * A file or a directory with all in it, as "ring3 cp" does it. Nothing from a guest is written outside of the target.
 * -EIO: not all could be copied, and why; also when the time is up nothing half-done stays.
 */
int ring3_copy_in(struct ring3 *machine, const char *local, const char *path, unsigned int flags, int timeout_ms, struct ring3_error *error);
int ring3_copy_out(struct ring3 *machine, const char *path, const char *local, unsigned int flags, int timeout_ms, struct ring3_error *error);

/* One file of the guest as memory. path is the file's own, not a directory's. */
int ring3_put(struct ring3 *machine, const char *path, const void *data, size_t len, mode_t mode, int timeout_ms, struct ring3_error *error);

/* *data has a 0 behind *len bytes, and is to be given back. -EFBIG: it has more than max bytes. -EISDIR: it is no plain file. */
int ring3_get(struct ring3 *machine, const char *path, size_t max, char **data, size_t *len, int timeout_ms, struct ring3_error *error);

/* ---- events ---- */

/* What happens from now on: 0 with *events to be closed. */
int ring3_events_open(struct ring3 *machine, struct ring3_events **events, struct ring3_error *error);

/* Return: 1 with an event as JSON, to be given back; 0: the machine has ended, and that was told. */
int ring3_events_next(struct ring3_events *events, int timeout_ms, char **json, struct ring3_error *error);
void ring3_events_close(struct ring3_events *events);

#ifdef __cplusplus
}
#endif
#endif
