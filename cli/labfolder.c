// SPDX-License-Identifier: GPL-2.0-or-later
/* What belongs to a Kathara lab besides lab.conf, as kathara-lab-dirs(7) has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "labkathara.h"

char *labkathara_read(const char *path, size_t *len, struct r3_err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_set(err, errno, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > LAB_FILE_MAX) {
		err_set(err, EINVAL, S_ISREG(st.st_mode) ? "%s is larger than a lab's file may be, 1M" : "%s is not a regular file", path);
		return NULL;
	}
	text = malloc(LAB_FILE_MAX + 1);
	n = text ? read_full(fd, text, LAB_FILE_MAX) : -ENOMEM;
	if (n < 0) {
		free(text);
		err_set(err, n, "cannot read %s: %s", path, strerror(-n));
		return NULL;
	}
	text[n] = 0;
	*len = n;
	return text;
}

/* A script of the folder, if it is there, without the line ends of other systems. */
static int add_script(struct lab *lab, const char *name, const char *suffix, struct lab_list *list, bool first, struct r3_err *err)
{
	cleanup_free char *path = NULL, *text = NULL;
	char *from, *to, *last;
	size_t len;
	int ret;

	if (asprintf(&path, "%s/%s%s", lab->dir, name, suffix) < 0) {
		path = NULL;
		return err_set(err, ENOMEM, "no memory for the lab");
	}
	if (access(path, F_OK))
		return 0;
	text = labkathara_read(path, &len, err);
	if (!text)
		return err->code;
	if (strlen(text) != len)
		return err_set(err, EINVAL, "%s has a zero byte; it should be a shell script", path);
	for (from = to = text; *from; from++)
		if (from[0] != '\r' || from[1] != '\n')
			*to++ = *from;
	*to = 0;
	ret = lab_add(lab, list, text, err);
	if (ret || !first)
		return ret;
	last = list->item[list->nr - 1];
	memmove(list->item + 1, list->item, (list->nr - 1) * sizeof(list->item[0]));
	list->item[0] = last;
	return 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static int add_files(struct lab *lab, struct lab_machine *m, const char *shared, struct r3_err *err)
{
	char *folder = lab_textf(lab, err, "%s/%s", lab->dir, m->name), *share;
	int ret = 0;

	if (!folder)
		return err->code;
	if (is_folder(folder)) {
		char *contents = lab_textf(lab, err, "%s/.", folder);

		ret = contents ? lab_add_copy(lab, m, contents, "/", err) : err->code;
	}
	if (ret || !is_folder(shared))
		return ret;
	share = lab_textf(lab, err, "%s:/shared", shared);
	return share ? lab_add(lab, &m->share, share, err) : err->code;
}

int labkathara_folder(struct lab *lab, struct r3_err *err)
{
	char *shared = lab_textf(lab, err, "%s/shared", lab->dir), *path;
	unsigned int i;
	size_t len;
	int ret = shared ? 0 : err->code;

	for (i = 0; !ret && i < lab->nr_machines; i++) {
		struct lab_machine *m = &lab->machine[i];

		ret = add_files(lab, m, shared, err);
		/* Before what exec said, the shared one before the machine's own. */
		if (!ret)
			ret = add_script(lab, m->name, ".startup", &m->startup, true, err);
		if (!ret)
			ret = add_script(lab, "shared", ".startup", &m->startup, true, err);
		if (!ret)
			ret = add_script(lab, m->name, ".shutdown", &m->shutdown, false, err);
		if (!ret)
			ret = add_script(lab, "shared", ".shutdown", &m->shutdown, false, err);
	}
	path = ret ? NULL : lab_textf(lab, err, "%s/lab.ext", lab->dir);
	if (path && !access(path, F_OK))
		return err_set(err, EINVAL, "%s: collision domains on interfaces of this host cannot be made; remove the file, or use a tap device with ring3 net add --uplink",
			       path);
	path = ret ? NULL : lab_textf(lab, err, "%s/lab.dep", lab->dir);
	if (path && !access(path, F_OK)) {
		cleanup_free char *text = labkathara_read(path, &len, err);

		return text ? labkathara_dep(lab, text, err) : err->code;
	}
	return ret;
}
