// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio-blk, driven by a driver. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "driver.h"
#include "image/image.h"
#include "tap.h"

#define DISK	(1u << 20)

static struct drv d;
static int fd;
static struct dev_blk_limits limits;
static const char serial[20] = "0123456789abcdefghij";
static gpa_t hdr, data, status;

static void start(bool readonly)
{
	struct image *img;
	struct r3_err err;
	struct dev *dev;

	fd = memfd_create("disk", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, DISK) < 0)
		tap_bail("memfd");
	if (image_raw_create(fd, readonly, "disk", &img, &err) ||
	    dev_blk_create(img, serial, &limits, &dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
}

static void init(uint64_t mask)
{
	if (!drv_init(&d, mask))
		tap_bail("the driver does not start");
	hdr = drv_alloc(&d, sizeof(struct virtio_blk_outhdr), 16);
	status = drv_alloc(&d, 1, 1);
	data = drv_alloc(&d, DISK, 4096);
}

static void *ptr(gpa_t gpa)
{
	return drv_ptr(&d, gpa);
}

static void set_header(uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr h = { .type = type, .sector = sector };

	memcpy(ptr(hdr), &h, sizeof(h));
	*(uint8_t *)ptr(status) = 0xee;
}

/* One request with @len bytes of data in @parts parts. Return: status. */
static int request(uint32_t type, uint64_t sector, uint32_t len,
		   unsigned int parts, bool indirect)
{
	bool in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	struct drv_buf buf[VIRTQ_SEGS_MAX];
	unsigned int i, n = 0;

	set_header(type, sector);
	buf[n++] = (struct drv_buf){ hdr, sizeof(struct virtio_blk_outhdr), false };
	for (i = 0; i < parts; i++)
		buf[n++] = (struct drv_buf){ data + len / parts * i, len / parts, in };
	buf[n++] = (struct drv_buf){ status, 1, true };
	drv_do(&d, 0, buf, n, indirect);
	return *(uint8_t *)ptr(status);
}

static bool disk_is(off_t off, const void *want, size_t len)
{
	static char buf[DISK];

	return pread(fd, buf, len, off) == (ssize_t)len && !memcmp(buf, want, len);
}

static void test_config(void)
{
	struct virtio_blk_config c;

	memcpy(&c, d.page->config, sizeof(c));
	is(d.page->device_id, VIRTIO_ID_BLOCK, "device id");
	is(c.capacity, DISK / 512, "capacity");
	is(c.blk_size, 512, "block size");
	is(c.seg_max, VIRTQ_SEGS_MAX - 2, "segments");
}

static void test_rw(void)
{
	unsigned int i;

	for (i = 0; i < DISK; i++)
		((uint8_t *)ptr(data))[i] = rand();
	is(request(VIRTIO_BLK_T_OUT, 0, DISK, 1, false), VIRTIO_BLK_S_OK, "write all");
	ok(disk_is(0, ptr(data), DISK), "it is in the file");
	memset(ptr(data), 0, DISK);
	is(request(VIRTIO_BLK_T_IN, 0, DISK, 1, false), VIRTIO_BLK_S_OK, "read all");
	ok(disk_is(0, ptr(data), DISK), "it is what the file has");

	memset(ptr(data), 5, 65536);
	is(request(VIRTIO_BLK_T_OUT, 100, 65536, 128, false), 0, "write of 128 segments");
	ok(disk_is(51200, ptr(data), 65536), "is in the file");
	memset(ptr(data), 6, 254 * 1024);
	is(request(VIRTIO_BLK_T_OUT, 3, 254 * 1024, 254, true), 0,
	   "write of as many segments as there may be");
	ok(disk_is(1536, ptr(data), 254 * 1024), "is in the file");
	is(request(VIRTIO_BLK_T_IN, 3, 254 * 1024, 254, true), 0, "and read");

	is(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0, false), 0, "flush");
	is(request(VIRTIO_BLK_T_GET_ID, 0, 20, 1, false), 0, "serial");
	ok(!memcmp(ptr(data), serial, 20), "is what was set");
	memset(ptr(data), 0, 64);
	is(request(VIRTIO_BLK_T_GET_ID, 0, 4, 1, false), 0, "a short buffer for it");
	ok(!memcmp(ptr(data), "0123\0", 5), "gets its start");
}

static void test_discard(void)
{
	static char zero[DISK];
	struct virtio_blk_discard_write_zeroes r[3] = {
		{ .sector = 16, .num_sectors = 8, .flags = 1 },
		{ .sector = 33, .num_sectors = 1 },
		{ .sector = 64, .num_sectors = 512, .flags = 1 },
	};
	struct stat before, after;

	memset(ptr(data), 9, DISK);
	request(VIRTIO_BLK_T_OUT, 0, DISK, 1, false);
	fstat(fd, &before);
	memcpy(ptr(data), r, sizeof(r));
	is(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, sizeof(r), 1, false), 0, "zero three ranges");
	ok(disk_is(16 * 512, zero, 4096) && disk_is(33 * 512, zero, 512) &&
	   disk_is(64 * 512, zero, 512 * 512), "they are zero");
	memset(zero, 9, sizeof(zero));
	ok(disk_is(0, zero, 16 * 512) && disk_is(24 * 512, zero, 9 * 512) &&
	   disk_is(34 * 512, zero, 30 * 512) && disk_is(576 * 512, zero, DISK - 576 * 512),
	   "and nothing else is");
	fstat(fd, &after);
	ok(after.st_blocks < before.st_blocks, "the file has holes now");

	r[0] = (struct virtio_blk_discard_write_zeroes){ .sector = 1024, .num_sectors = 1024 };
	memcpy(ptr(data), r, sizeof(r[0]));
	is(request(VIRTIO_BLK_T_DISCARD, 0, sizeof(r[0]), 1, false), 0, "discard");
	fstat(fd, &before);
	ok(before.st_blocks < after.st_blocks, "gives space back");

	((struct virtio_blk_discard_write_zeroes *)ptr(data))->flags = 1;
	is(request(VIRTIO_BLK_T_DISCARD, 0, 16, 1, false), VIRTIO_BLK_S_UNSUPP,
	   "discard with the flag of zeroes");
	((struct virtio_blk_discard_write_zeroes *)ptr(data))->flags = 4;
	is(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 1, false), VIRTIO_BLK_S_UNSUPP,
	   "a flag nobody knows");
	r[0] = (struct virtio_blk_discard_write_zeroes){ .sector = 2047, .num_sectors = 2 };
	memcpy(ptr(data), r, sizeof(r[0]));
	is(request(VIRTIO_BLK_T_DISCARD, 0, 16, 1, false), VIRTIO_BLK_S_IOERR,
	   "a range across the end");
	r[0].sector = UINT64_MAX;
	memcpy(ptr(data), r, sizeof(r[0]));
	is(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 1, false), VIRTIO_BLK_S_IOERR,
	   "a range around the end");
	is(request(VIRTIO_BLK_T_DISCARD, 0, 15, 1, false), VIRTIO_BLK_S_IOERR,
	   "a range that is none");
	is(request(VIRTIO_BLK_T_DISCARD, 0, 16 * 33, 1, false), VIRTIO_BLK_S_IOERR,
	   "too many ranges");
}

static void test_bad_requests(void)
{
	is(request(VIRTIO_BLK_T_IN, DISK / 512, 512, 1, false), VIRTIO_BLK_S_IOERR,
	   "a read behind the end");
	is(request(VIRTIO_BLK_T_OUT, DISK / 512 - 1, 1024, 1, false), VIRTIO_BLK_S_IOERR,
	   "a write across the end");
	is(request(VIRTIO_BLK_T_IN, UINT64_MAX, 512, 1, false), VIRTIO_BLK_S_IOERR,
	   "the last sector there can be");
	is(request(VIRTIO_BLK_T_IN, UINT64_MAX / 512 + 1, 512, 1, false),
	   VIRTIO_BLK_S_IOERR, "a sector that overflows to 0");
	is(request(VIRTIO_BLK_T_OUT, 0, 511, 1, false), VIRTIO_BLK_S_IOERR,
	   "half a sector");
	is(request(0x1234, 0, 512, 1, false), VIRTIO_BLK_S_UNSUPP, "an unknown request");
	is(request(VIRTIO_BLK_T_SCSI_CMD, 0, 512, 1, false), VIRTIO_BLK_S_UNSUPP,
	   "SCSI");
	is(request(VIRTIO_BLK_T_IN, 0, 0, 0, false), VIRTIO_BLK_S_OK,
	   "nothing to read");
}

/* Header and data in whatever pieces the driver likes. */
static void test_framing(void)
{
	struct drv_buf buf[20];
	unsigned int i;

	memset(ptr(data), 3, 512);
	request(VIRTIO_BLK_T_OUT, 7, 512, 1, false);
	memset(ptr(data), 0, 1024);
	set_header(VIRTIO_BLK_T_IN, 7);
	for (i = 0; i < 16; i++)
		buf[i] = (struct drv_buf){ hdr + i, 1, false };
	buf[16] = (struct drv_buf){ data, 500, true };
	buf[17] = (struct drv_buf){ data + 500, 13, true };
	is(drv_do(&d, 0, buf, 18, false), 513, "a header byte by byte, status behind data");
	ok(((char *)ptr(data))[0] == 3 && ((char *)ptr(data))[511] == 3 &&
	   ((char *)ptr(data))[512] == VIRTIO_BLK_S_OK, "is a request like others");
}

static void test_broken(void)
{
	struct drv_buf buf[2] = { { hdr, 15, false }, { status, 1, true } };

	drv_add(&d, 0, buf, 2, false);
	drv_force_kick(&d, 0);
	ok(drv_needs_reset(&d), "needs reset: half a header");
	init(0);
	buf[0] = (struct drv_buf){ hdr, 16, false };
	drv_add(&d, 0, buf, 1, false);
	drv_force_kick(&d, 0);
	ok(drv_needs_reset(&d), "needs reset: no room for a status");
	init(0);
	is(request(VIRTIO_BLK_T_IN, 0, 512, 1, false), VIRTIO_BLK_S_OK, "works after it");
}

static void test_host_errors(void)
{
	struct rlimit lim = { 8192, RLIM_INFINITY }, old;

	/* As a full file system would. */
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	setrlimit(RLIMIT_FSIZE, &lim);
	is(request(VIRTIO_BLK_T_OUT, 64, 512, 1, false), VIRTIO_BLK_S_IOERR,
	   "a write that the host refuses");
	is(request(VIRTIO_BLK_T_OUT, 0, 512, 1, false), VIRTIO_BLK_S_OK, "others work");
	setrlimit(RLIMIT_FSIZE, &old);
	is(request(VIRTIO_BLK_T_OUT, 64, 512, 1, false), VIRTIO_BLK_S_OK, "and it, later");

	if (ftruncate(fd, DISK / 2) < 0)
		tap_bail("ftruncate");
	is(request(VIRTIO_BLK_T_IN, DISK / 512 - 1, 512, 1, false), VIRTIO_BLK_S_IOERR,
	   "a read where the file has been cut off");
	if (ftruncate(fd, DISK) < 0)
		tap_bail("ftruncate");
}

/* As many requests at once as the queue holds, in any order of completion. */
static void test_many(void)
{
	unsigned int round, i, n = d.q[0].size / 3;
	gpa_t hdrs = drv_alloc(&d, 16 * n, 16);
	uint32_t len;
	uint16_t head;

	for (i = 0; i < DISK; i++)
		((uint8_t *)ptr(data))[i] = rand();
	request(VIRTIO_BLK_T_OUT, 0, DISK, 1, false);
	memset(ptr(data), 0, DISK);
	for (round = 0; round < 200; round++) {
		for (i = 0; i < n; i++) {
			struct virtio_blk_outhdr h = { .type = VIRTIO_BLK_T_IN, .sector = i };
			struct drv_buf buf[3] = {
				{ hdrs + 16 * i, 16, false },
				{ data + 512 * i, 512, true },
				{ status, 1, true },
			};

			memcpy(ptr(hdrs + 16 * i), &h, 16);
			drv_add(&d, 0, buf, 3, false);
			drv_kick(&d, 0);
		}
		for (i = 0; i < n; i++)
			if (!drv_used(&d, 0, DRV_WAIT_MS, &head, &len) || len != 513)
				break;
		if (i < n)
			break;
	}
	is(round, 200, "200 full queues");
	ok(disk_is(0, ptr(data), 512 * n), "with the right data");
	ok(d.irqs < 200 * n, "and fewer interrupts than requests (%u of %u)",
	   d.irqs, 200 * n);
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* One request at a time, each as soon as the last is done, and then none. */
static void test_look_out(void)
{
	struct drv_buf buf[3] = { { hdr, 16, false }, { data, 512, true }, { status, 1, true } };
	unsigned int i, saved = 0;
	uint16_t head;
	uint32_t len;
	double used;

	set_header(VIRTIO_BLK_T_IN, 0);
	for (i = 0; i < 300000 && saved < 50; i++) {
		drv_add(&d, 0, buf, 3, false);
		saved += !drv_kick(&d, 0);
		if (!drv_used(&d, 0, DRV_WAIT_MS, &head, &len) || len != 513)
			break;
	}
	is(saved, 50, "who asks again at once needs no kick (%u requests)", i);
	usleep(100000);
	used = cpu_seconds();
	usleep(300000);
	ok(cpu_seconds() - used < 0.1, "with nothing to do the device sleeps");
	drv_add(&d, 0, buf, 3, false);
	ok(drv_kick(&d, 0), "and wants a kick then");
	ok(drv_used(&d, 0, DRV_WAIT_MS, &head, &len) && len == 513, "that it comes for");
}

/* An image that counts. */
static unsigned int flushes, writes;
static int flush_result;

static int count_write(struct image *img, const struct iovec *iov,
		       unsigned int n, uint64_t off, uint64_t len)
{
	writes++;
	return 0;
}

static int count_flush(struct image *img)
{
	flushes++;
	return flush_result;
}

static void count_close(struct image *img)
{
	ok(true, "the device closes its image");
}

static void test_flush(void)
{
	static const struct image_ops ops = {
		.pwritev = count_write, .flush = count_flush, .close = count_close,
	};
	struct image img = { &ops, DISK, false };
	struct r3_err err;
	struct dev *dev;

	if (dev_blk_create(&img, serial, &limits, &dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
	init(0);
	request(VIRTIO_BLK_T_OUT, 0, 512, 1, false);
	ok(writes == 1 && !flushes, "a write is not flushed if the driver can flush");
	request(VIRTIO_BLK_T_FLUSH, 0, 0, 0, false);
	is(flushes, 1, "a flush is a flush");
	flush_result = -EIO;
	is(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0, false), VIRTIO_BLK_S_IOERR,
	   "one that fails is told");
	flush_result = 0;
	init(1ULL << VIRTIO_BLK_F_FLUSH);
	flushes = 0;
	request(VIRTIO_BLK_T_OUT, 0, 512, 1, false);
	is(flushes, 1, "each write is flushed if it cannot");
	drv_stop(&d, 0);
}

static void test_readonly(void)
{
	start(true);
	ok(d.page->features >> VIRTIO_BLK_F_RO & 1 &&
	   !(d.page->features >> VIRTIO_BLK_F_DISCARD & 1), "read-only is said");
	init(0);
	is(request(VIRTIO_BLK_T_IN, 0, 512, 1, false), VIRTIO_BLK_S_OK, "it reads");
	is(request(VIRTIO_BLK_T_OUT, 0, 512, 1, false), VIRTIO_BLK_S_IOERR,
	   "does not write");
	*(struct virtio_blk_discard_write_zeroes *)ptr(data) =
		(struct virtio_blk_discard_write_zeroes){ 0, 8, 0 };
	is(request(VIRTIO_BLK_T_DISCARD, 0, 16, 1, false), VIRTIO_BLK_S_IOERR,
	   "nor discard");
	is(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 1, false), VIRTIO_BLK_S_IOERR,
	   "nor zero");
	drv_stop(&d, 0);
	close(fd);
}

int main(void)
{
	srand(5);
	start(false);
	test_config();
	init(0);
	test_rw();
	test_discard();
	test_bad_requests();
	test_framing();
	test_broken();
	test_host_errors();
	test_many();
	test_look_out();
	init(1ULL << VIRTIO_RING_F_EVENT_IDX | 1ULL << VIRTIO_BLK_F_FLUSH);
	memset(ptr(data), 8, 512);
	is(request(VIRTIO_BLK_T_OUT, 9, 512, 1, false), 0,
	   "without event indices, writing through");
	ok(disk_is(9 * 512, ptr(data), 512), "it is in the file");
	drv_stop(&d, 0);
	close(fd);
	test_readonly();
	test_flush();
	return tap_done();
}
