// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio-console with ports, driven by a driver. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "driver.h"
#include "tap.h"

#define PORTS	3
#define CTL_RX	2
#define CTL_TX	3
#define RX(p)	((p) ? 2 * (p) + 2 : 0)
#define TX(p)	(RX(p) + 1)
#define BUF	4096

static struct drv d;
static int host[PORTS], guest[PORTS];	/* ends of the ports' sockets */

/* Buffers of the control queue, and what came in them. */
struct msg {
	struct virtio_console_control head;
	char data[64];
	unsigned int len;
};

static void start(void)
{
	static const char *names[PORTS] = { NULL, "agent", "data" };
	struct dev_port port[PORTS];
	struct r3_err err;
	struct dev *dev;
	int i, sv[2];

	for (i = 0; i < PORTS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
			tap_bail("socketpair");
		host[i] = sv[0];
		guest[i] = sv[1];
		port[i] = (struct dev_port){ sv[1], names[i] };
	}
	if (dev_console_create(port, PORTS, &dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
}

static void stop(int drain_ms)
{
	int i;

	drv_stop(&d, drain_ms);
	for (i = 0; i < PORTS; i++) {
		close(host[i]);
		close(guest[i]);
	}
}

static void give(unsigned int q)
{
	struct drv_buf buf = { drv_alloc(&d, BUF, 1), BUF, true };

	drv_add(&d, q, &buf, 1, false);
	drv_kick(&d, q);
}

/* The next buffer that the device has filled on @q, copied out. */
static int take(unsigned int q, void *out, int ms)
{
	uint16_t head;
	uint32_t len;

	if (!drv_used(&d, q, ms, &head, &len))
		return -1;
	memcpy(out, drv_ptr(&d, d.q[q].desc[head].addr), len);
	/* Straight back, as the Linux driver does. */
	drv_publish(&d, q, head);
	drv_kick(&d, q);
	return len;
}

static bool ctl_recv(struct msg *m, int ms)
{
	char buf[BUF];
	int len = take(CTL_RX, buf, ms);

	if (len < (int)sizeof(m->head) || len > (int)sizeof(*m))
		return false;
	memset(m, 0, sizeof(*m));
	memcpy(m, buf, len);
	m->len = len - sizeof(m->head);
	return true;
}

static void ctl_send(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control c = { id, event, value };
	struct drv_buf buf = { drv_alloc(&d, sizeof(c), 8), sizeof(c), false };

	memcpy(drv_ptr(&d, buf.gpa), &c, sizeof(c));
	drv_do(&d, CTL_TX, &buf, 1, false);
}

static bool expect(uint32_t id, uint16_t event, uint16_t value)
{
	struct msg m;

	if (!ctl_recv(&m, DRV_WAIT_MS)) {
		tap_note("no message");
		return false;
	}
	if (m.head.id == id && m.head.event == event && m.head.value == value)
		return true;
	tap_note("message %u/%u/%u", m.head.id, m.head.event, m.head.value);
	return false;
}

/* What Linux does from probe to ports that are there. */
static void greet(bool check)
{
	struct msg m;
	int i, k;
	bool good = true;

	if (!drv_init(&d, 0))
		tap_bail("the driver does not start");
	for (i = 0; i < 16; i++)
		give(CTL_RX);
	for (k = 0; k < PORTS; k++)
		for (i = 0; i < 8; i++)
			give(RX(k));
	ctl_send(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	for (i = 0; i < PORTS; i++)
		good &= expect(i, VIRTIO_CONSOLE_PORT_ADD, 1);
	if (check)
		ok(good, "all ports are announced");

	ctl_send(0, VIRTIO_CONSOLE_PORT_READY, 1);
	good = expect(0, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	good &= expect(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	if (check)
		ok(good, "port 0 is a console");
	ctl_send(0, VIRTIO_CONSOLE_PORT_OPEN, 1);

	ctl_send(1, VIRTIO_CONSOLE_PORT_READY, 1);
	good = ctl_recv(&m, DRV_WAIT_MS);
	good &= m.head.event == VIRTIO_CONSOLE_PORT_NAME && m.len == 5 &&
		!memcmp(m.data, "agent", 5);
	good &= expect(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ctl_send(2, VIRTIO_CONSOLE_PORT_READY, 1);
	good &= ctl_recv(&m, DRV_WAIT_MS) && m.len == 4 && !memcmp(m.data, "data", 4);
	good &= expect(2, VIRTIO_CONSOLE_PORT_OPEN, 1);
	if (check)
		ok(good, "the others have names");
}

static void guest_write(unsigned int port, const void *data, uint32_t len)
{
	struct drv_buf buf = { drv_alloc(&d, len, 1), len, false };

	memcpy(drv_ptr(&d, buf.gpa), data, len);
	drv_add(&d, TX(port), &buf, 1, false);
	drv_kick(&d, TX(port));
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) > 0;
}

static void test_data(void)
{
	char buf[BUF];
	int i;

	guest_write(0, "hello", 5);
	is(read_full(host[0], buf, 5), 5, "from hvc0 to the host");
	ok(!memcmp(buf, "hello", 5), "the same bytes");
	ok(drv_used(&d, TX(0), DRV_WAIT_MS, NULL, NULL), "the buffer comes back");
	is(write_full(host[0], "world", 5), 0, "from the host");
	is(take(RX(0), buf, DRV_WAIT_MS), 5, "to hvc0");
	ok(!memcmp(buf, "world", 5), "the same bytes");

	for (i = 0; i < 100; i++)
		if (write_full(host[0], "k", 1) || take(RX(0), buf, DRV_WAIT_MS) != 1)
			break;
	is(i, 100, "a hundred keys, one by one");

	is(write_full(host[1], "early", 5), 0, "data for a port that is not open");
	is(take(RX(1), buf, 50), -1, "waits");
	ctl_send(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	is(take(RX(1), buf, DRV_WAIT_MS), 5, "until it is");
}

static void test_resize(void)
{
	struct msg m;
	uint16_t size[2];
	uint32_t gen = d.page->config_gen;

	dev_console_resize(d.dev, 0, 132, 43);
	ok(ctl_recv(&m, DRV_WAIT_MS) && m.head.event == VIRTIO_CONSOLE_RESIZE &&
	   m.head.id == 0 && m.len == 4, "a resize is told");
	memcpy(size, m.data, 4);
	ok(size[0] == 132 && size[1] == 43, "columns, then rows");
	memcpy(size, d.page->config, 4);
	ok(size[0] == 132 && size[1] == 43, "the configuration says it too");
	is(load_acquire(d.page->config_gen), gen + 2, "with a new generation");
	dev_console_resize(d.dev, 7, 1, 1);
}

static int64_t cpu_us(void)
{
	struct timespec ts;
	clockid_t clock;

	pthread_getcpuclockid(d.dev->thread, &clock);
	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* More from the host than the guest has buffers for, and nobody takes it. */
static void test_idle(void)
{
	char block[24 * BUF];
	int64_t cpu;
	size_t total = 0;
	int i;

	memset(block, 1, sizeof(block));
	is(write_full(host[0], block, sizeof(block)), 0, "the host sends too much");
	usleep(50000);
	cpu = cpu_us();
	usleep(300000);
	cpu = cpu_us() - cpu;
	ok(cpu < 20000, "the device sleeps until there are buffers (%lld us)",
	   (long long)cpu);
	while (total < sizeof(block)) {
		i = take(RX(0), block, DRV_WAIT_MS);
		if (i < 0)
			break;
		total += i;
	}
	is(total, sizeof(block), "then the guest gets it all");
	cpu = cpu_us();
	usleep(300000);
	cpu = cpu_us() - cpu;
	ok(cpu < 20000, "and it sleeps again (%lld us)", (long long)cpu);
}

/* A close with nothing left to write. */
static void test_close(void)
{
	char x;

	ctl_send(2, VIRTIO_CONSOLE_PORT_OPEN, 1);
	guest_write(2, "z", 1);
	drv_used(&d, TX(2), DRV_WAIT_MS, NULL, NULL);
	ctl_send(2, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ok(read(host[2], &x, 1) == 1 && x == 'z', "the last byte");
	ok(readable(host[2], DRV_WAIT_MS) && !read(host[2], &x, 1),
	   "then the end of file");
}

struct pump {
	int fd;
	uint8_t *data;
	size_t len;
};

static void *reader(void *arg)
{
	struct pump *p = arg;
	size_t done = 0;

	while (done < p->len) {
		ssize_t n = read(p->fd, p->data + done,
				 p->len - done < 1000 ? p->len - done : 1000);

		if (n <= 0)
			break;
		done += n;
		if (rand() % 64 == 0)
			usleep(100);
	}
	p->len = done;
	return NULL;
}

static void *writer(void *arg)
{
	struct pump *p = arg;

	write_full(p->fd, p->data, p->len);
	return NULL;
}

/* Megabytes each way at once, with a slow reader and few buffers. */
static void test_bulk(void)
{
	enum { LEN = 3 << 20, CHUNK = 8192, SLOTS = 8 };
	uint8_t *out = malloc(LEN), *in = malloc(LEN), *got = malloc(LEN), *back = malloc(LEN);
	struct pump r = { host[2], back, LEN }, w = { host[2], in, LEN };
	size_t sent = 0, received = 0;
	unsigned int i, busy = 0;
	pthread_t rt, wt;
	gpa_t slot[SLOTS];

	for (i = 0; i < LEN; i++) {
		out[i] = rand();
		in[i] = rand();
	}
	for (i = 0; i < SLOTS; i++)
		slot[i] = drv_alloc(&d, CHUNK, 1);
	ctl_send(2, VIRTIO_CONSOLE_PORT_OPEN, 1);
	pthread_create(&rt, NULL, reader, &r);
	pthread_create(&wt, NULL, writer, &w);
	for (i = 0; sent < LEN || received < LEN || busy;) {
		while (busy < SLOTS && sent < LEN) {
			struct drv_buf buf = { slot[i++ % SLOTS], CHUNK, false };

			memcpy(drv_ptr(&d, buf.gpa), out + sent, CHUNK);
			drv_add(&d, TX(2), &buf, 1, false);
			drv_kick(&d, TX(2));
			sent += CHUNK;
			busy++;
		}
		while (busy && drv_used(&d, TX(2), 0, NULL, NULL))
			busy--;
		if (received < LEN) {
			char page[BUF];
			int n = take(RX(2), page, 1);

			if (n > 0) {
				memcpy(got + received, page, n);
				received += n;
			}
		} else if (busy && drv_used(&d, TX(2), DRV_WAIT_MS, NULL, NULL)) {
			busy--;
		}
	}
	pthread_join(rt, NULL);
	pthread_join(wt, NULL);
	ok(r.len == LEN && !memcmp(out, back, LEN), "3 MiB to the host arrive whole");
	ok(received == LEN && !memcmp(in, got, LEN), "3 MiB to the guest arrive whole");
	free(out);
	free(in);
	free(got);
	free(back);
}

/* A host that does not read stops one port and no other. */
static void test_backpressure(void)
{
	static char block[65536];
	unsigned int sent = 0, done = 0;
	char buf[BUF];

	while (sent < 64) {
		struct drv_buf part = { drv_alloc(&d, sizeof(block), 1), sizeof(block), false };

		if (d.free > DRV_MEM - 4 * sizeof(block))
			break;
		drv_add(&d, TX(1), &part, 1, false);
		drv_kick(&d, TX(1));
		sent++;
	}
	while (drv_used(&d, TX(1), 100, NULL, NULL))
		done++;
	ok(done < sent, "a host that does not read holds the guest (%u of %u)",
	   done, sent);
	guest_write(0, "alive", 5);
	is(read_full(host[0], buf, 5), 5, "other ports go on");
	drv_used(&d, TX(0), DRV_WAIT_MS, NULL, NULL);

	/* Closed by the guest with all that still unwritten. */
	ctl_send(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	{
		size_t total = 0;
		ssize_t n;

		while ((n = read(host[1], block, sizeof(block))) > 0)
			total += n;
		is(n, 0, "the guest's close is the host's end of file");
		is(total, sent * sizeof(block), "after everything it wrote");
	}
	while (done < sent && drv_used(&d, TX(1), DRV_WAIT_MS, NULL, NULL))
		done++;
	is(done, sent, "all buffers come back");
}

static void test_host_close(void)
{
	char buf[BUF];
	unsigned int i;

	is(write_full(host[2], "last", 4), 0, "the host's last words");
	close(host[2]);
	is(take(RX(2), buf, DRV_WAIT_MS), 4, "arrive");
	ok(expect(2, VIRTIO_CONSOLE_PORT_OPEN, 0), "then the guest hears of the close");
	for (i = 0; i < 50; i++) {
		guest_write(2, "to nobody", 9);
		if (!drv_used(&d, TX(2), DRV_WAIT_MS, NULL, NULL))
			break;
	}
	is(i, 50, "what it writes still comes back");
	host[2] = -1;
}

static void test_lies(void)
{
	struct virtio_console_control ready = { 0, VIRTIO_CONSOLE_DEVICE_READY, 1 };
	struct drv_buf buf;
	char x;

	greet(false);
	ctl_send(99, VIRTIO_CONSOLE_PORT_READY, 1);
	ctl_send(0xffffffff, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ctl_send(1, 77, 1);
	ctl_send(1, VIRTIO_CONSOLE_PORT_READY, 0);
	ctl_send(1, VIRTIO_CONSOLE_PORT_OPEN, 0xffff);
	guest_write(0, "x", 1);
	ok(readable(host[0], DRV_WAIT_MS) && read(host[0], &x, 1) == 1 && x == 'x',
	   "odd control messages do no harm");

	greet(false);
	buf = (struct drv_buf){ drv_alloc(&d, 8, 8), 7, false };
	drv_add(&d, CTL_TX, &buf, 1, false);
	drv_force_kick(&d, CTL_TX);
	ok(drv_needs_reset(&d), "needs reset: a short control message");

	greet(false);
	buf = (struct drv_buf){ drv_alloc(&d, 8, 8), 8, false };
	d.q[RX(0)].next_desc = 100;
	for (int i = 0; i < 16; i++)
		drv_add(&d, RX(0), &buf, 1, false);
	drv_force_kick(&d, RX(0));
	/* After the eight good ones. */
	for (int i = 0; i < 9; i++) {
		if (send(host[0], "y", 1, MSG_NOSIGNAL) < 0)
			tap_bail("send");
		usleep(2000);
	}
	ok(drv_needs_reset(&d), "needs reset: a receive buffer that is not one");

	if (!drv_init(&d, 0))
		tap_bail("the driver does not start");
	buf = (struct drv_buf){ drv_alloc(&d, 4, 1), 4, true };
	drv_add(&d, CTL_RX, &buf, 1, false);
	drv_kick(&d, CTL_RX);
	buf = (struct drv_buf){ drv_alloc(&d, 8, 8), 8, false };
	memcpy(drv_ptr(&d, buf.gpa), &ready, sizeof(ready));
	drv_add(&d, CTL_TX, &buf, 1, false);
	drv_force_kick(&d, CTL_TX);
	ok(drv_needs_reset(&d), "needs reset: a control buffer too small");
	greet(true);
}

static void *late_reader(void *arg)
{
	struct pump *p = arg;

	usleep(100000);
	return reader(p);
}

/* What the guest wrote before it ended is not lost with it. */
static void test_drain(void)
{
	enum { LEN = 1 << 20 };
	struct pump r = { host[0], malloc(LEN), LEN };
	struct drv_buf buf = { drv_alloc(&d, LEN, 1), LEN, false };
	uint8_t *p = drv_ptr(&d, buf.gpa), *want = malloc(LEN);
	pthread_t t;
	unsigned int i;

	for (i = 0; i < LEN; i++)
		p[i] = i * 7 + i / 1000;
	memcpy(want, p, LEN);
	drv_add(&d, TX(0), &buf, 1, false);
	drv_kick(&d, TX(0));
	pthread_create(&t, NULL, late_reader, &r);
	dev_stop(d.dev, DRV_WAIT_MS);
	pthread_join(t, NULL);
	ok(r.len == LEN && !memcmp(r.data, want, LEN),
	   "stopping waits for a slow reader");
	free(r.data);
	free(want);
}

static void test_config_errors(void)
{
	char name[200];
	struct dev_port port = { 0, name };
	struct r3_err err;
	struct dev *dev;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	is(dev_console_create(&port, 1, &dev, &err), -ENAMETOOLONG, "a long name");
	port = (struct dev_port){ 9999, "x" };
	is(dev_console_create(&port, 1, &dev, &err), -EBADF, "a bad descriptor");
	is(dev_console_create(&port, 0, &dev, &err), -EINVAL, "no port");
	is(dev_console_create(&port, 17, &dev, &err), -EINVAL, "too many ports");
}

int main(void)
{
	srand(11);
	start();
	is(d.page->device_id, VIRTIO_ID_CONSOLE, "device id");
	is(d.page->nr_queues, 2 * (PORTS + 1), "queues");
	greet(true);
	test_data();
	test_resize();
	test_idle();
	test_bulk();
	test_backpressure();
	test_host_close();
	stop(0);

	start();
	test_lies();
	test_close();
	test_drain();
	stop(0);
	test_config_errors();
	return tap_done();
}
