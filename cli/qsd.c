// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "confine.h"
#include "qsd.h"

#define PROGRAM		"qemu-storage-daemon"
#define PACKAGE		"qemu-system-common"
/* What is in its caches goes to a disk that may be slow. */
#define END_MS		60000

struct qsd {
	char path[PATH_MAX];
	struct qimage img;
	struct confine walls;
	struct qsd_how how;
	bool io_uring;
};

/* Half as long as by its threads, for small requests; containers and administrators may forbid it. */
static bool has_io_uring(void)
{
	struct io_uring_params params = { .flags = 0 };
	int fd = syscall(SYS_io_uring_setup, 128, &params);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int no_memory(struct r3_err *err)
{
	return err_set(err, ENOMEM, "no memory for a disk");
}

/* ---- what it is told ---- */

static void put(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void put_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

static void put_cache(struct json_object *o, const struct qsd *q)
{
	struct json_object *cache = json_object_new_object();

	put_bool(cache, "no-flush", q->how.lossy);
	json_object_object_add(o, "cache", cache);
}

static void node_name(char name[16], char kind, int level)
{
	snprintf(name, 16, "%c%d", kind, level);
}

static bool may_have_base(const char *format)
{
	return !strcmp(format, "qcow2") || !strcmp(format, "qcow") || !strcmp(format, "vmdk");
}

/* The file, and what is in it, of one level. */
static void add_level(struct json_object *args, const struct qsd *q, int i)
{
	const struct qimage_level *level = &q->img.level[i];
	struct json_object *file = json_object_new_object(), *disk = json_object_new_object();
	char name[16], path[64];

	put(file, "driver", "file");
	node_name(name, 'f', i);
	put(file, "node-name", name);
	put(disk, "file", name);
	if (level->path[0]) {
		put(file, "filename", level->path);
	} else {
		/* The one descriptor behind the socket. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", BACKEND_FIRST_FD + 1);
		put(file, "filename", path);
	}
	put_bool(file, "read-only", !level->write);
	put(file, "discard", "unmap");
	put(file, "aio", q->io_uring ? "io_uring" : "threads");
	put_cache(file, q);

	put(disk, "driver", level->format);
	node_name(name, 'd', i);
	put(disk, "node-name", name);
	put_bool(disk, "read-only", !level->write);
	put(disk, "discard", "unmap");
	put_cache(disk, q);
	/* What an image says of its base itself is not followed. */
	if (i + 1 < q->img.nr) {
		node_name(name, 'd', i + 1);
		put(disk, "backing", name);
	} else if (may_have_base(level->format)) {
		json_object_object_add(disk, "backing", NULL);
	}
	json_object_array_add(args, json_object_new_string("--blockdev"));
	json_object_array_add(args, json_object_new_string(json_object_to_json_string_ext(file, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_array_add(args, json_object_new_string("--blockdev"));
	json_object_array_add(args, json_object_new_string(json_object_to_json_string_ext(disk, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(file);
	json_object_put(disk);
}

static bool is_throttled(const struct qsd *q)
{
	return q->how.rate || q->how.iops;
}

/* What is on top of the image where there are limits. */
static void add_throttle(struct json_object *args, const struct qsd *q)
{
	char group[160], node[] = "{\"driver\":\"throttle\",\"node-name\":\"limit\",\"throttle-group\":\"limits\",\"file\":\"d0\"}";

	snprintf(group, sizeof(group), "{\"qom-type\":\"throttle-group\",\"id\":\"limits\",\"limits\":{\"bps-total\":%" PRIu64 ",\"iops-total\":%" PRIu64 "}}", q->how.rate, q->how.iops);
	json_object_array_add(args, json_object_new_string("--object"));
	json_object_array_add(args, json_object_new_string(group));
	json_object_array_add(args, json_object_new_string("--blockdev"));
	json_object_array_add(args, json_object_new_string(node));
}

static void add_export(struct json_object *args, const struct qsd *q)
{
	struct json_object *o = json_object_new_object(), *addr = json_object_new_object();
	char number[16];

	snprintf(number, sizeof(number), "%d", BACKEND_FIRST_FD);
	put(addr, "type", "fd");
	put(addr, "str", number);
	put(o, "type", "vhost-user-blk");
	put(o, "id", "guest");
	put(o, "node-name", is_throttled(q) ? "limit" : "d0");
	json_object_object_add(o, "addr", addr);
	put_bool(o, "writable", q->img.level[0].write);
	json_object_object_add(o, "num-queues", json_object_new_int(q->how.queues));
	json_object_array_add(args, json_object_new_string("--export"));
	json_object_array_add(args, json_object_new_string(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(o);
}

static int start(void *ctx, struct backend *b, int socket, struct r3_err *err)
{
	struct qsd *q = ctx;
	struct json_object *args = json_object_new_array();
	char *argv[3 + 4 * QIMAGE_MAX_LEVELS + 4 + 2] = { PROGRAM };
	int fds[2] = { socket, q->img.level[0].fd }, i, ret;
	size_t n;

	/* Bases first, since each is named by what is on top of it. */
	for (i = q->img.nr - 1; i >= 0; i--)
		add_level(args, q, i);
	if (is_throttled(q))
		add_throttle(args, q);
	add_export(args, q);
	for (n = 0; n < json_object_array_length(args); n++)
		argv[1 + n] = (char *)json_object_get_string(json_object_array_get_idx(args, n));
	ret = backend_start_confined(b, PROGRAM, q->path, argv, fds, fds[1] >= 0 ? 2 : 1, &q->walls, err);
	json_object_put(args);
	return ret;
}

/* ---- begin and end ---- */

static void release(void *ctx)
{
	struct qsd *q = ctx;

	confine_free(&q->walls);
	qimage_close(&q->img);
	free(q);
}

static int allow(struct qsd *q, struct r3_err *err)
{
	int i, ret = 0;

	for (i = 0; i < q->img.nr && !ret; i++) {
		const struct qimage_level *level = &q->img.level[i];

		ret = level->fd >= 0 ? confine_allow_fd(&q->walls, level->fd, level->write, err) :
		      confine_allow(&q->walls, level->path, level->write, err);
	}
	for (i = 0; i < q->img.nr_parts && !ret; i++)
		ret = confine_allow(&q->walls, q->img.part[i], q->img.part_write[i], err);
	return ret;
}

int qsd_add(struct vhosts *v, int disk, struct qimage *img, const struct qsd_how *how, struct r3_err *err)
{
	struct vhost_spec spec = { .program = PROGRAM, .listens = true, .end_ms = END_MS, .start = start, .release = release };
	struct qsd *q = calloc(1, sizeof(*q));
	int ret;

	if (!q) {
		qimage_close(img);
		return no_memory(err);
	}
	q->img = *img;
	memset(img, 0, sizeof(*img));
	q->how = *how;
	q->io_uring = has_io_uring();
	confine_init(&q->walls);
	ret = backend_find_host(PROGRAM, PACKAGE, q->path, sizeof(q->path), err);
	if (!ret)
		ret = allow(q, err);
	spec.ctx = q;
	if (!ret)
		ret = vhosts_add_disk(v, disk, &spec, err);
	if (ret)
		release(q);
	return ret;
}
