// SPDX-License-Identifier: GPL-2.0-or-later
/* vm/devs.c: from a configuration to devices that run. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "vm/devs.h"

static struct guest_mem mem;
static struct r3_boot boot;
static struct vm_config cfg;
static struct devs devs;
static struct r3_err err;

static void no_irq(void *opaque, unsigned int index)
{
}

static int start(void)
{
	struct dev_bus bus = { .raise = no_irq };

	memset((void *)boot.vdevs, 0, R3_VDEV_MAX * 4096);
	boot.nr_vdevs = 0;
	return devs_start(&devs, &cfg, &mem, &boot, &bus, &err);
}

static struct r3_vdev *page(unsigned int i)
{
	return (struct r3_vdev *)(boot.vdevs + i * 4096);
}

static int threads(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Threads: %d", &n);
	if (f)
		fclose(f);
	return n;
}

static int disk_file(size_t size)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size) < 0)
		tap_bail("memfd");
	return fd;
}

int main(void)
{
	int sv[2], i, before, fds;

	mem.size = 1 << 20;
	mem.fd = -1;
	mem.base = mmap(NULL, mem.size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	boot.vdevs = (uint64_t)mmap(NULL, R3_VDEV_MAX * 4096, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
		tap_bail("socketpair");

	/* A first round, for what a sanitizer starts with the first thread. */
	if (start())
		tap_bail("%s", err.msg);
	devs_stop(&devs, 0);
	before = threads();

	cfg.nr_ports = 2;
	cfg.port[0].fd = sv[0];
	cfg.port[1].fd = sv[1];
	strcpy(cfg.port[1].name, "agent");
	cfg.nr_disks = 3;
	for (i = 0; i < 3; i++)
		cfg.disk[i] = (struct vm_disk){ .fd = disk_file((i + 1) << 20), .cow_fd = -1 };
	cfg.disk[1].cow_fd = disk_file(0);
	cfg.disk[2].readonly = true;

	ok(!start(), "all devices start");
	is(boot.nr_vdevs, 6, "console, rng, three disks, balloon");
	is(page(0)->device_id, VIRTIO_ID_CONSOLE, "the console is the first");
	is(page(1)->device_id, VIRTIO_ID_RNG, "then the random numbers");
	for (i = 0; i < 3; i++)
		ok(page(2 + i)->device_id == VIRTIO_ID_BLOCK &&
		   *(uint64_t *)page(2 + i)->config == (i + 1) * 2048ULL,
		   "disk %d is in its place", i);
	is(threads(), before + 6, "each has a thread");
	devs_console_resize(&devs, 0, 80, 25);
	devs_stop(&devs, -1);
	is(threads(), before, "none is left");
	ok(fcntl(cfg.disk[0].fd, F_GETFD) >= 0 && fcntl(sv[0], F_GETFD) >= 0,
	   "descriptors stay the caller's");

	ok(!start(), "they start again, as for a reboot");
	devs_stop(&devs, 0);

	fds = dup(0);
	close(fds);
	close(cfg.disk[2].fd);
	cfg.disk[2].fd = disk_file(100);
	strcpy(cfg.disk[2].path, "odd.img");
	is(start(), -EINVAL, "a disk that is none is refused");
	ok(strstr(err.msg, "odd.img") != NULL, "by: %s", err.msg);
	is(threads(), before, "and nothing is left running");
	i = dup(0);
	is(i, fds, "nor open");
	close(i);

	cfg.nr_ports = 0;
	cfg.nr_disks = 0;
	ok(!start() && boot.nr_vdevs == 2, "a guest with nothing has random numbers and a balloon");
	devs_console_resize(&devs, 0, 80, 25);
	devs_stop(&devs, 0);
	return tap_done();
}
