// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <ring3/layout.h>

#include "base/util.h"
#include "config.h"
#include "confine.h"
#include "diskopt.h"
#include "image/image.h"
#include "installed.h"
#include "overlay.h"
#include "qsd.h"
#include "share.h"
#include "vhostopt.h"

#define MIB		(1024ULL * 1024)
#define MEM_DEFAULT	(1024 * MIB)
#define MEM_MIN		(64 * MIB)

static const char *env_or_null(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static const char *env_or_installed(const char *name, const char *file)
{
	return env_or_null(name) ?: installed_file(file);
}

void options_init(struct run_options *opt)
{
	*opt = (struct run_options){
		.mem = MEM_DEFAULT,
		.cpus = 1,
		.kernel = env_or_installed("RING3_KERNEL", "vmlinux"),
		.initrd = env_or_installed("RING3_INITRD", "initramfs.cpio"),
		.modules = env_or_null("RING3_MODULES"),
		.root = env_or_null("RING3_ROOT") ?: "/",
		.timeout_ms = -1,
		.tty = -1,
	};
}

bool config_name_ok(const char *name)
{
	size_t i, len = strlen(name);

	if (!len || len > 63 || !isalnum((unsigned char)name[0]))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

static int check_sizes(const struct run_options *opt, struct r3_err *err)
{
	uint64_t total = 0;
	struct sysinfo si;

	if (opt->cpus < 1 || opt->cpus > R3_MAX_CPUS)
		return err_set(err, EINVAL, "--cpus %u is not possible; a guest has 1 to %d CPUs",
			       opt->cpus, R3_MAX_CPUS);
	if (opt->cpus_max && (opt->cpus_max < opt->cpus || opt->cpus_max > R3_MAX_CPUS))
		return err_set(err, EINVAL, "--cpus %u,max=%u is not possible: give from %u to %d as the most that it may have", opt->cpus, opt->cpus_max, opt->cpus, R3_MAX_CPUS);
	if (limits_check(&opt->limits, opt->cpus_max ? opt->cpus_max : opt->cpus, err))
		return err->code;
	if (opt->mem < MEM_MIN)
		return err_set(err, EINVAL, "--mem %lluM is too little; a guest needs %lluM or more",
			       (unsigned long long)(opt->mem / MIB), MEM_MIN / MIB);
	if (!sysinfo(&si))
		total = ((uint64_t)si.totalram + si.totalswap) * si.mem_unit;
	if (total && opt->mem > total)
		return err_set(err, ENOMEM, "--mem %lluM is more than this host has, %lluM with swap; choose a smaller size",
			       (unsigned long long)(opt->mem / MIB), (unsigned long long)(total / MIB));
	if (opt->mem > R3_DIRECT_SIZE)
		return err_set(err, ENOMEM, "--mem %lluM is more than a guest can have, %lluM",
			       (unsigned long long)(opt->mem / MIB),
			       (unsigned long long)(R3_DIRECT_SIZE / MIB));
	return 0;
}

/* A file of the guest's: what it is, the option for it, the variable for it. */
static int open_file(const char *path, const char *what, const char *option, const char *variable,
		     struct r3_err *err)
{
	struct stat st;
	int fd;

	if (!path)
		return err_set(err, ENOENT, "no %s given, and none is installed; use --%s FILE or set %s", what, option, variable);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "cannot open the %s %s: %s; check --%s or %s",
			       what, path, strerror(errno), option, variable);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, EINVAL, "the %s %s is not a regular file; check --%s or %s",
			       what, path, option, variable);
	}
	if (!st.st_size) {
		close(fd);
		return err_set(err, EINVAL, "the %s %s is empty; check --%s or %s", what, path, option, variable);
	}
	return fd;
}

/* Where guests' changes go that nobody keeps: on a disk rather than in memory. */
static int open_layer(struct r3_err *err)
{
	const char *dir = env_or_null("TMPDIR");
	static const char *const dirs[] = { "/var/tmp", "/tmp" };
	struct r3_err first;
	size_t i;
	int fd;

	if (dir)
		return image_layer(dir, err);
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		fd = image_layer(dirs[i], i ? err : &first);
		if (fd >= 0)
			return fd;
	}
	*err = first;
	return first.code;
}

static int room_for_disk(const struct run_config *cfg, struct r3_err *err)
{
	if (cfg->vm.nr_disks < VM_MAX_DISKS)
		return 0;
	return err_set(err, E2BIG, "a guest has at most %d disks, the root disk and the kernel's modules included", VM_MAX_DISKS);
}

static int add_disk(struct run_config *cfg, const char *path, enum image_mode mode,
		    const char *serial, const struct diskopt *opt, struct r3_err *err)
{
	struct vm_disk *disk = &cfg->vm.disk[cfg->vm.nr_disks];
	int fd, layer = -1;

	if (room_for_disk(cfg, err))
		return err->code;
	fd = image_open(path, mode, err);
	if (fd < 0)
		return fd;
	if (mode == IMAGE_COW) {
		layer = open_layer(err);
		if (layer < 0) {
			close(fd);
			return layer;
		}
	}
	*disk = (struct vm_disk){ .fd = fd, .cow_fd = layer, .readonly = mode == IMAGE_RO };
	if (opt) {
		disk->rate = opt->rate;
		disk->iops = opt->iops;
	}
	memcpy(disk->serial, serial, strnlen(serial, sizeof(disk->serial)));
	snprintf(disk->path, sizeof(disk->path), "%s", path);
	cfg->vm.nr_disks++;
	if (mode == IMAGE_RW)
		cfg->keeps_changes = true;
	return 0;
}

/* A disk of another format than raw, or with an overlay that is kept. */
static int add_qemu_disk(struct run_config *cfg, const struct diskopt *opt, enum image_mode mode, const char *overlay,
			 struct r3_err *err)
{
	struct vm_disk *disk = &cfg->vm.disk[cfg->vm.nr_disks];
	const struct qsd_how how = { .queues = cfg->vm.cpus, .rate = opt->rate, .iops = opt->iops, .lossy = mode == IMAGE_COW };
	struct qimage img;
	int fd, ret = room_for_disk(cfg, err);

	if (!ret && cfg->vm.jail == JAIL_REQUIRE && !confine_has_files())
		ret = err_set(err, EPERM, "--jail=require: this host has no Landlock, so qemu-storage-daemon, which %s needs, could open any file of this user's; use raw images",
			      opt->path);
	if (!ret)
		ret = qimage_open(&img, opt->path, opt->format, mode == IMAGE_RW && !overlay ? QIMAGE_WRITE : QIMAGE_READ, err);
	if (ret)
		return ret;
	if (overlay)
		ret = overlay_kept(&img, overlay, err);
	else
		ret = overlay_check_base(&img, err);
	if (!ret && mode == IMAGE_COW) {
		fd = open_layer(err);
		ret = fd < 0 ? fd : overlay_ephemeral(&img, fd, err);
	}
	if (ret) {
		qimage_close(&img);
		return ret;
	}
	*disk = (struct vm_disk){ .fd = -1, .cow_fd = -1, .readonly = mode == IMAGE_RO };
	snprintf(disk->path, sizeof(disk->path), "%.*s", (int)sizeof(disk->path) - 1, overlay ? overlay : opt->path);
	ret = qsd_add(cfg->vhosts, cfg->vm.nr_disks, &img, &how, err);
	if (ret)
		return ret;
	cfg->vm.nr_disks++;
	if (mode == IMAGE_RW)
		cfg->keeps_changes = true;
	return 0;
}

static int add_user_disk(struct run_config *cfg, const char *text, int index, struct r3_err *err)
{
	struct diskopt d;
	char serial[20];
	int ret = diskopt_parse(&d, "--disk", text, err);

	if (ret)
		return ret;
	if (strcmp(d.format, QIMAGE_RAW))
		return add_qemu_disk(cfg, &d, d.ro ? IMAGE_RO : IMAGE_RW, NULL, err);
	snprintf(serial, sizeof(serial), "disk%d", index);
	return add_disk(cfg, d.path, d.ro ? IMAGE_RO : IMAGE_RW, d.serial[0] ? d.serial : serial, &d, err);
}

static int add_root(struct run_config *cfg, const struct run_options *opt, struct r3_err *err)
{
	enum image_mode mode = opt->root_rw || opt->root_overlay ? IMAGE_RW : opt->root_ro ? IMAGE_RO : IMAGE_COW;
	struct diskopt d;
	int ret;

	if (cfg->root_folder && (opt->root_overlay || opt->rootfstype))
		return err_set(err, EINVAL, "--root %s is a folder, of which there is no %s: leave that out", opt->root,
			       opt->root_overlay ? "--root-overlay" : "--rootfstype");
	if (cfg->root_folder)
		return 0;
	ret = diskopt_parse(&d, "--root", opt->root, err);
	if (ret)
		return ret;
	if (d.ro || d.serial[0])
		return err_set(err, EINVAL, "--root %s: only format=, rate= and iops= may follow the path; to use it read-only give --root-ro", opt->root);
	if (strcmp(d.format, QIMAGE_RAW) || opt->root_overlay)
		return add_qemu_disk(cfg, &d, mode, opt->root_overlay, err);
	ret = add_disk(cfg, d.path, mode, "root", &d, err);
	/* What people know it by. */
	if (!ret && opt->root_text)
		snprintf(cfg->vm.disk[0].path, sizeof(cfg->vm.disk[0].path), "%s", opt->root_text);
	return ret;
}

static int open_disks(struct run_config *cfg, const struct run_options *opt, struct r3_err *err)
{
	int i, ret = add_root(cfg, opt, err);

	if (!ret && opt->modules)
		ret = add_disk(cfg, opt->modules, IMAGE_RO, "modules", NULL, err);
	for (i = 0; !ret && i < opt->nr_disks; i++)
		ret = add_user_disk(cfg, opt->disk[i], i, err);
	return ret;
}

static int __attribute__((format(printf, 3, 4)))
add_word(struct run_config *cfg, struct r3_err *err, const char *fmt, ...)
{
	size_t len = strlen(cfg->vm.cmdline), size = sizeof(cfg->vm.cmdline);
	va_list ap;
	int n;

	if (len && len < size - 1)
		cfg->vm.cmdline[len++] = ' ';
	va_start(ap, fmt);
	n = vsnprintf(cfg->vm.cmdline + len, size - len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size - len)
		return err_set(err, E2BIG, "the kernel's command line is longer than %zu bytes; shorten --append", size - 1);
	return 0;
}

static int check_word(const char *option, const char *value, size_t max, struct r3_err *err)
{
	if (strlen(value) >= max || strpbrk(value, " \t\n\""))
		return err_set(err, EINVAL, "--%s %s: the kernel's command line cannot take this; it must be shorter than %zu bytes, without spaces",
			       option, value, max);
	return 0;
}

/*
 * Free pages that a CPU's lists keep come back last in, first out. With the
 * kernel's own bound (an eighth of all memory) the page cache becomes a page here
 * and a page there, and each is a mapping of its own: six times the time of a fault
 * (docs/benchmarks.md). What is not kept is merged with its neighbours.
 */
#define FREE_LISTS	"sysctl.vm.percpu_pagelist_high_fraction=1000"

/*
 * A card that tells of each frame it has sent costs a quarter of a round trip: the
 * driver frees what was sent when it sends the next instead, as it does where it
 * has no NAPI for it (docs/network.md).
 */
#define SENT_FRAMES	"virtio_net.napi_tx=0"

static int make_cmdline(struct run_config *cfg, const struct run_options *opt, struct r3_err *err)
{
	const char *term = env_or_null("TERM");
	int ret = add_word(cfg, err, "console=hvc0 " FREE_LISTS " " SENT_FRAMES);

	if (!ret && !opt->verbose && !opt->early_console)
		ret = add_word(cfg, err, "quiet");
	if (!ret && opt->early_console)
		ret = add_word(cfg, err, "keep_bootcon");
	if (!ret)
		ret = add_word(cfg, err, "ring3.root=%s ring3.hostname=%s", !cfg->root_folder ? "/dev/vda" : opt->root_rw || opt->root_ro ?
			       "virtiofs:root" : "overlay:root", opt->hostname ? opt->hostname : opt->name ? cfg->name : "ring3");
	if (!ret && opt->modules)
		ret = add_word(cfg, err, "ring3.modules=/dev/vd%c", cfg->root_folder ? 'a' : 'b');
	/* The others are there, and off. */
	if (!ret && opt->cpus_max > opt->cpus)
		ret = add_word(cfg, err, "maxcpus=%u", opt->cpus);
	if (!ret && opt->root_ro)
		ret = add_word(cfg, err, "ring3.ro");
	if (!ret && (opt->root_rw || opt->root_overlay))
		ret = add_word(cfg, err, "ring3.kept");
	if (!ret && opt->rootfstype) {
		ret = check_word("rootfstype", opt->rootfstype, 32, err);
		if (!ret)
			ret = add_word(cfg, err, "ring3.rootfstype=%s", opt->rootfstype);
	}
	if (!ret && opt->init) {
		if (opt->init[0] != '/')
			return err_set(err, EINVAL, "--init %s: give the absolute path of a program in the guest", opt->init);
		ret = check_word("init", opt->init, 256, err);
		if (!ret)
			ret = add_word(cfg, err, "ring3.init=%s", opt->init);
	}
	/* What the root's own init would make of it is the root's own name. */
	if (!ret && opt->init && (opt->name || opt->hostname))
		ret = add_word(cfg, err, "systemd.hostname=%s", opt->hostname ? opt->hostname : cfg->name);
	/* The kernel makes it a variable of init, which gives it to its console. */
	if (!ret && opt->init && term && isatty(0) && config_name_ok(term))
		ret = add_word(cfg, err, "TERM=%s", term);
	return ret;
}

int config_finish(struct run_config *cfg, const struct run_options *opt, const char *words, struct r3_err *err)
{
	int ret = cfg->shares && share_words(cfg->shares)[0] ? add_word(cfg, err, "%s", share_words(cfg->shares)) : 0;

	if (!ret && words[0])
		ret = add_word(cfg, err, "%s", words);
	if (!ret && opt->append)
		ret = add_word(cfg, err, "%s", opt->append);
	return ret;
}

int config_check(const struct run_options *opt, struct r3_err *err)
{
	cleanup_close int kernel = -1, initrd = -1;
	int ret = check_sizes(opt, err);

	if (ret)
		return ret;
	kernel = open_file(opt->kernel, "guest kernel", "kernel", "RING3_KERNEL", err);
	if (kernel < 0)
		return kernel;
	initrd = open_file(opt->initrd, "initramfs", "initrd", "RING3_INITRD", err);
	return initrd < 0 ? initrd : 0;
}

int config_open(struct run_config *cfg, const struct run_options *opt, struct r3_err *err)
{
	struct stat st;
	int ret, i;

	memset(cfg, 0, sizeof(*cfg));
	cfg->vm.initrd_fd = -1;
	cfg->vm.early_console_fd = -1;
	cfg->vm.channel_fd = -1;
	cfg->vm.ram_fd = -1;
	cfg->vm.mem = opt->mem & ~(uint64_t)4095;
	cfg->vm.cpus = opt->cpus_max ? opt->cpus_max : opt->cpus;
	cfg->vm.pin = !opt->no_pin;
	memcpy(cfg->vm.host_cpu, opt->host_cpus, sizeof(cfg->vm.host_cpu));
	cfg->vm.nr_host_cpus = opt->nr_host_cpus;
	cfg->vm.jail = opt->jail;
	if (opt->name && !config_name_ok(opt->name))
		return err_set(err, EINVAL, "--name %s: a name is up to 63 letters, digits, dots, dashes and underscores, the first a letter or digit",
			       opt->name);
	if (opt->name)
		snprintf(cfg->name, sizeof(cfg->name), "%s", opt->name);
	else
		snprintf(cfg->name, sizeof(cfg->name), "g%d", getpid());

	ret = check_sizes(opt, err);
	if (ret)
		return ret;
	if (opt->nr_root_hide && (!opt->root || strspn(opt->root, "/") != strlen(opt->root)))
		return err_set(err, EINVAL, "--root-hide %s is for --root / only: other folders are shown as they are", opt->root_hide[0]);
	cfg->root_folder = opt->root && !stat(opt->root, &st) && S_ISDIR(st.st_mode);
	cfg->root_share = (struct shareopt){ .text = opt->root, .host = (char *)opt->root, .ro = !opt->root_rw, .cache = "auto",
					    .hide = opt->root_hide, .nr_hide = opt->nr_root_hide };
	ret = make_cmdline(cfg, opt, err);
	if (ret)
		return ret;
	cfg->vm.kernel_fd = open_file(opt->kernel, "guest kernel", "kernel", "RING3_KERNEL", err);
	if (cfg->vm.kernel_fd < 0)
		return cfg->vm.kernel_fd;
	snprintf(cfg->vm.kernel_path, sizeof(cfg->vm.kernel_path), "%s", opt->kernel);
	cfg->vm.initrd_fd = open_file(opt->initrd, "initramfs", "initrd", "RING3_INITRD", err);
	if (cfg->vm.initrd_fd < 0)
		return cfg->vm.initrd_fd;
	cfg->vhosts = vhosts_new(&cfg->vm, err);
	if (!cfg->vhosts)
		return err->code;
	ret = open_disks(cfg, opt, err);
	for (i = 0; !ret && i < opt->nr_vhosts; i++)
		ret = vhostopt_add(cfg->vhosts, opt->vhost[i], err);
	if (!ret && (opt->nr_shares || cfg->root_folder)) {
		cfg->shares = share_open(opt->share, opt->nr_shares, cfg->root_folder ? &cfg->root_share : NULL, opt->jail, cfg->vhosts, err);
		ret = cfg->shares ? 0 : err->code;
	}
	cfg->keeps_changes |= cfg->root_folder && opt->root_rw;
	for (i = 0; i < opt->nr_shares; i++)
		cfg->keeps_changes |= !opt->share[i].ro;
	return ret;
}
