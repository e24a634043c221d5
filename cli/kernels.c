// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernels.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "installed.h"

#define ABOUT		"about"
#define ANSWER_MAX	(2 * PATH_MAX + 2)

/* ---- where they are ---- */

/* A directory of the user's, as the XDG specification has it: what @variable names, or @sub of the home. */
static int user_dir(const char *variable, const char *sub, const char *own, char *path, size_t size, struct r3_err *err)
{
	const char *base = getenv(variable);

	if (base && *base == '/')
		sub = "";
	else
		base = getenv("HOME");
	if (!base || *base != '/')
		return err_set(err, EINVAL, "there is no place for kernels: set %s to the absolute path of a directory", variable);
	if ((size_t)snprintf(path, size, "%s%s/ring3/%s", base, sub, own) >= size)
		return err_set(err, ENAMETOOLONG, "the path of the directory of kernels is too long: set %s to a shorter one", variable);
	return 0;
}

static int kernels_path(char *path, size_t size, struct r3_err *err)
{
	return user_dir("XDG_DATA_HOME", "/.local/share", "kernels", path, size, err);
}

/* A hidden one is in the making. */
static bool is_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

/* ---- what is known of one ---- */

static void read_line(int dir, const char *file, const char *key, char *value, size_t size)
{
	char line[PATH_MAX + 16];
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	cleanup_fclose FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	size_t len = strlen(key);

	if (fd >= 0 && !f)
		close(fd);
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, len))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(value, size, "%.*s", (int)size - 1, line + len);
		return;
	}
}

static bool load(int all, const char *name, struct kernel *k)
{
	static const char *const files[] = { "vmlinux", "vmlinux.debug", "modules.img", "modules.debug" };
	cleanup_close int dir = openat(all, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	size_t i;

	*k = (struct kernel){ 0 };
	if (dir < 0 || fstatat(dir, ABOUT, &st, 0) < 0)
		return false;
	snprintf(k->name, sizeof(k->name), "%s", name);
	k->built = st.st_mtime;
	read_line(dir, ABOUT, "source=", k->source, sizeof(k->source));
	read_line(dir, ABOUT, "config=", k->config, sizeof(k->config));
	read_line(dir, "release", "", k->release, sizeof(k->release));
	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (!fstatat(dir, files[i], &st, 0))
			k->bytes += (uint64_t)st.st_blocks * 512;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct kernel *)a)->name, ((const struct kernel *)b)->name);
}

int kernels_list(struct kernel **list, struct r3_err *err)
{
	char path[PATH_MAX];
	struct dirent *e;
	int n = 0, room = 0, ret = kernels_path(path, sizeof(path), err);
	DIR *d;

	*list = NULL;
	if (ret)
		return ret;
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_set(err, errno, "cannot read the directory %s of kernels: %s", path, strerror(errno));
	while ((e = readdir(d))) {
		if (n == room) {
			struct kernel *more = realloc(*list, (room + 16) * sizeof(**list));

			if (!more)
				break;
			*list = more;
			room += 16;
		}
		n += is_name(e->d_name) && load(dirfd(d), e->d_name, *list + n);
	}
	closedir(d);
	if (n)
		qsort(*list, n, sizeof(**list), by_name);
	return n;
}

/* ---- removing ---- */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	return remove(path);
}

static int remove_tree(const char *path, struct r3_err *err)
{
	if (!nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) || errno == ENOENT)
		return 0;
	return err_set(err, errno, "cannot remove %s: %s", path, strerror(errno));
}

/* What the next build under that name would have begun with; not while there is one. */
static int remove_objects(const char *name, struct r3_err *err)
{
	char dev[PATH_MAX], path[PATH_MAX + NAME_MAX + 8];
	cleanup_close int lock = -1;
	int ret = user_dir("XDG_CACHE_HOME", "/.cache", "dev", dev, sizeof(dev), err);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/%s/lock", dev, name);
	lock = open(path, O_RDWR | O_CLOEXEC);
	if (lock < 0)
		return 0;
	if (flock(lock, LOCK_EX | LOCK_NB))
		return err_set(err, EBUSY, "the kernel %s is being built just now", name);
	snprintf(path, sizeof(path), "%s/%s", dev, name);
	return remove_tree(path, err);
}

int kernels_remove(const char *name, struct r3_err *err)
{
	char all[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	int ret = kernels_path(all, sizeof(all), err);
	struct stat st;

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/%.*s", all, NAME_MAX, name);
	if (!is_name(name) || lstat(path, &st))
		return err_set(err, ENOENT, "there is no kernel called %s; \"ring3 kernel list\" lists them", name);
	return remove_objects(name, err) ?: remove_tree(path, err);
}

/* ---- what a user calls a kernel ---- */

static bool is_there(const char *dir, const char *file)
{
	char path[PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s/%s", dir, file) < sizeof(path) && !access(path, F_OK);
}

/* The folder of what a build makes: the two files in it. */
static int take_folder(const char *dir, char **vmlinux, char **modules, struct r3_err *err)
{
	if (asprintf(vmlinux, "%s/vmlinux", dir) < 0 || asprintf(modules, "%s/modules.img", dir) < 0)
		return err_set(err, ENOMEM, "no memory for the kernel's path");
	if (access(*modules, R_OK)) {
		free(*modules);
		*modules = NULL;
	}
	return 0;
}

/* Return: -ENOENT if none has that name. */
static int take_named(const char *name, char **vmlinux, char **modules, struct r3_err *err)
{
	char all[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	int ret = kernels_path(all, sizeof(all), err);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/%.*s", all, NAME_MAX, name);
	if (!is_there(path, ABOUT))
		return err_set(err, ENOENT, "there is no kernel called %s; \"ring3 kernel list\" lists them", name);
	return take_folder(path, vmlinux, modules, err);
}

/* What a script of ours says, its exit status, or -errno. */
static int ask(char *const argv[], char *answer, size_t size)
{
	int pipe_fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(pipe_fds[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(pipe_fds[1]);
	while (pid > 0 && len < size - 1 && ((n = read(pipe_fds[0], answer + len, size - 1 - len)) > 0 || (n < 0 && errno == EINTR)))
		len += n > 0 ? n : 0;
	answer[len] = 0;
	close(pipe_fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return pid < 0 ? -EAGAIN : WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* A tree that was built in, or a build directory: what make has made, and an image of its modules. */
static int take_build(const char *dir, char **vmlinux, char **modules, struct r3_err *err)
{
	const char *script = installed_part("kernel/build/tree.sh");
	char answer[ANSWER_MAX], *image;
	int ret;

	if (!script)
		return err_set(err, ENOENT, "the scripts that know kernel trees are not installed: name the vmlinux in %s", dir);
	ret = ask((char *[]){ "bash", (char *)script, (char *)dir, NULL }, answer, sizeof(answer));
	if (ret && answer[0]) {
		answer[strcspn(answer, "\n")] = 0;
		return err_set(err, EINVAL, "%s", answer);
	}
	if (ret)
		return err_set(err, EIO, "what was built in %s cannot be told: %s fails", dir, script);
	image = answer + strcspn(answer, "\n");
	if (*image)
		*image++ = 0;
	image[strcspn(image, "\n")] = 0;
	*vmlinux = strdup(answer);
	*modules = *image ? strdup(image) : NULL;
	return 0;
}

/* The last that was built of a tree which itself is not built in. */
static const struct kernel *find_source(const struct kernel *list, int n, const char *dir)
{
	const struct kernel *found = NULL;
	char path[PATH_MAX];
	int i;

	if (!realpath(dir, path))
		return NULL;
	for (i = 0; i < n; i++)
		if (!strcmp(list[i].source, path) && (!found || list[i].built > found->built))
			found = &list[i];
	return found;
}

int kernels_resolve(const char *what, char **vmlinux, char **modules, struct r3_err *err)
{
	cleanup_free struct kernel *list = NULL;
	const struct kernel *k;
	struct stat st;
	int n;

	*vmlinux = *modules = NULL;
	if (is_name(what) && !take_named(what, vmlinux, modules, err))
		return 0;
	if (is_name(what) && stat(what, &st) < 0)
		return err_set(err, errno, "cannot open the guest kernel %s: %s, and no kernel is called so; \"ring3 kernel list\" lists them", what, strerror(errno));
	if (stat(what, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	if (is_there(what, "release") && is_there(what, "vmlinux"))
		return take_folder(what, vmlinux, modules, err);
	n = is_there(what, "vmlinux") ? 0 : kernels_list(&list, err);
	k = n > 0 ? find_source(list, n, what) : NULL;
	if (!k)
		return take_build(what, vmlinux, modules, err);
	return take_named(k->name, vmlinux, modules, err);
}
