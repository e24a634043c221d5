// SPDX-License-Identifier: GPL-2.0-or-later
/* The devices of the guest that lies: how each is started, and its work. */
#include "targets.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_net.h>
#include <linux/virtio_vsock.h>

#define PORT_CTL_RX	2
#define PORT_CTL_TX	3
#define CTL_BUFFERS	8
#define SECTOR		512
#define NET_HDR		sizeof(struct virtio_net_hdr_v1)

static struct vdev rng, console, disk[3], net, vsock, balloon;

/* ---- rng ---- */

static bool start_plain(struct vdev *v)
{
	return vdev_init(v, 0);
}

static bool work_rng(struct vdev *v)
{
	static unsigned char bytes[64];
	struct vbuf buf = { bytes, sizeof(bytes), true };
	unsigned int i, zeros = 0;

	memset(bytes, 0, sizeof(bytes));
	if (vdev_do(v, 0, &buf, 1) != sizeof(bytes))
		return false;
	for (i = 0; i < sizeof(bytes); i++)
		zeros += !bytes[i];
	return zeros < 8;
}

/* ---- disks ---- */

int blk_request(struct vdev *v, uint32_t type, uint64_t sector, void *data, uint32_t len, bool in)
{
	static struct virtio_blk_outhdr head;
	static uint8_t status;
	struct vbuf buf[] = {
		{ &head, sizeof(head), false },
		{ data, len, in },
		{ &status, 1, true },
	};

	head = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	status = 0xff;
	if (!len)
		buf[1] = buf[2];
	return vdev_do(v, 0, buf, len ? 3 : 2) < 0 ? -1 : status;
}

static bool has_mark(const char *sector, uint64_t number)
{
	char mark[] = "ring3000";

	mark[5] += number / 100 % 10;
	mark[6] += number / 10 % 10;
	mark[7] += number % 10;
	return !memcmp(sector, mark, MARK_LEN);
}

static bool work_ro(struct vdev *v)
{
	static char data[2 * SECTOR];

	memset(data, 0, sizeof(data));
	return blk_request(v, VIRTIO_BLK_T_IN, 41, data, sizeof(data), true) == VIRTIO_BLK_S_OK &&
	       has_mark(data, 41) && has_mark(data + SECTOR, 42);
}

static bool work_rw(struct vdev *v)
{
	static char data[SECTOR], back[SECTOR];
	static unsigned int times;
	unsigned int i;

	times++;
	for (i = 0; i < SECTOR; i++)
		data[i] = times * 7 + i;
	memset(back, 0, sizeof(back));
	return blk_request(v, VIRTIO_BLK_T_OUT, 7, data, SECTOR, false) == VIRTIO_BLK_S_OK &&
	       blk_request(v, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, false) == VIRTIO_BLK_S_OK &&
	       blk_request(v, VIRTIO_BLK_T_IN, 7, back, SECTOR, true) == VIRTIO_BLK_S_OK &&
	       !memcmp(data, back, SECTOR) && work_ro(v);
}

/* ---- console ---- */

static bool tell_control(struct vdev *v, uint16_t event, uint16_t value)
{
	static struct virtio_console_control message;
	struct vbuf buf = { &message, sizeof(message), false };

	message = (struct virtio_console_control){ .id = 0, .event = event, .value = value };
	return vdev_do(v, PORT_CTL_TX, &buf, 1) == 0;
}

/* It wants to say something and has no buffer: it looks at each that comes. */
static bool start_silent(struct vdev *v)
{
	return vdev_init(v, 0) && tell_control(v, VIRTIO_CONSOLE_DEVICE_READY, 1);
}

/* Until the port is open; somebody types all the time (tests/lying/drivers.t). */
static bool start_console(struct vdev *v)
{
	static char control[CTL_BUFFERS][64];
	unsigned int i;

	if (!vdev_init(v, 0))
		return false;
	for (i = 0; i < CTL_BUFFERS; i++) {
		struct vbuf buf = { control[i], sizeof(control[i]), true };

		vq_publish(&v->q[PORT_CTL_RX], vq_chain(&v->q[PORT_CTL_RX], &buf, 1));
	}
	vdev_kick(v, PORT_CTL_RX);
	return tell_control(v, VIRTIO_CONSOLE_DEVICE_READY, 1) &&
	       vq_used(&v->q[PORT_CTL_RX], VQ_WAIT_MS, NULL, NULL) &&
	       tell_control(v, VIRTIO_CONSOLE_PORT_READY, 1) &&
	       tell_control(v, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

static bool work_console(struct vdev *v)
{
	static char line[] = "console works\n", typed[16];
	struct vbuf out = { line, sizeof(line) - 1, false }, in = { typed, sizeof(typed), true };

	memset(typed, 'x', sizeof(typed));
	return vdev_do(v, 1, &out, 1) == 0 && vdev_do(v, 0, &in, 1) > 0 && !typed[0];
}

/* ---- network ---- */

/* The other side takes what comes and sends all the time (tests/lying/with_card.py). */
static bool work_net(struct vdev *v)
{
	static uint8_t frame[NET_HDR + 60], in[256], command[4];
	struct vbuf out = { frame, sizeof(frame), false }, room = { in, sizeof(in), true };
	struct vbuf promisc[] = { { command, 3, false }, { command + 3, 1, true } };
	static const char other[] = "\x02other\x88\xb5";

	memset(in, 0, sizeof(in));
	memcpy(command, (uint8_t[]){ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1, 0xff }, 4);
	return vdev_do(v, 1, &out, 1) == 0 && vdev_do(v, 0, &room, 1) == (long)NET_HDR + 42 &&
	       !memcmp(in + NET_HDR + 6, other, sizeof(other) - 1) &&
	       vdev_do(v, 2, promisc, 2) == 1 && command[3] == VIRTIO_NET_OK;
}

/* ---- vsock ---- */

#define VSOCK_OWED	8

static struct virtio_vsock_hdr vsock_packet(unsigned int op)
{
	return (struct virtio_vsock_hdr){ .src_cid = 3, .dst_cid = 2, .src_port = 1, .dst_port = 2, .type = VIRTIO_VSOCK_TYPE_STREAM, .op = op };
}

/* Data of no connection has a reset for an answer. */
static bool vsock_nonsense(struct vdev *v)
{
	static struct virtio_vsock_hdr h;
	struct vbuf out = { &h, sizeof(h), false };

	h = vsock_packet(VIRTIO_VSOCK_OP_RW);
	return vdev_do(v, 1, &out, 1) == 0;
}

/* It has something to say, and looks at each buffer that comes. */
static bool start_vsock_rx(struct vdev *v)
{
	unsigned int i;
	bool good = vdev_init(v, 0);

	for (i = 0; i < VSOCK_OWED && good; i++)
		good = vsock_nonsense(v);
	return good;
}

static bool work_vsock(struct vdev *v)
{
	static struct virtio_vsock_hdr in;
	struct vbuf room = { &in, sizeof(in), true };

	memset(&in, 0, sizeof(in));
	return vsock_nonsense(v) && vdev_do(v, 0, &room, 1) == (long)sizeof(in) && in.op == VIRTIO_VSOCK_OP_RST && in.dst_port == 1;
}

/* ---- balloon ---- */

/* A page of its own that it gives is zeros then. */
static bool work_balloon(struct vdev *v)
{
	static char *page;
	static uint32_t pfn;
	struct vbuf buf = { &pfn, sizeof(pfn), false };

	if (!page)
		page = bare_alloc(4096, 4096);
	memset(page, 1, 4096);
	pfn = bare_gpa(page) >> VIRTIO_BALLOON_PFN_SHIFT;
	return vdev_do(v, 0, &buf, 1) == 0 && !page[0] && !page[4095] && vdev_do(v, 1, &buf, 1) == 0;
}

/* ---- all ---- */

struct target targets[] = {
	{ "rng", TO_RNG, &rng, 0, start_plain, start_plain, work_rng },
	{ "blk-layer", TO_BLK, &disk[0], 0, start_plain, start_plain, work_rw },
	{ "blk-image", TO_BLK, &disk[1], 0, start_plain, start_plain, work_rw },
	{ "blk-read-only", TO_BLK, &disk[2], 0, start_plain, start_plain, work_ro, .readonly = true },
	{ "console-tx", TO_TX, &console, 1, start_console, start_console, work_console },
	{ "console-rx", TO_RX, &console, 0, start_console, start_console, work_console },
	{ "console-control-tx", TO_CTL_TX, &console, PORT_CTL_TX, start_console, start_console, work_console },
	{ "console-control-rx", TO_CTL_RX, &console, PORT_CTL_RX, start_silent, start_console, work_console },
	{ "net-tx", TO_NET_TX, &net, 1, start_plain, start_plain, work_net },
	{ "net-rx", TO_NET_RX, &net, 0, start_plain, start_plain, work_net },
	{ "vsock-tx", TO_VSOCK_TX, &vsock, 1, start_plain, start_plain, work_vsock },
	{ "vsock-rx", TO_VSOCK_RX, &vsock, 0, start_vsock_rx, start_plain, work_vsock },
	{ "balloon", TO_INFLATE, &balloon, 0, start_plain, start_plain, work_balloon },
	{ "net-commands", TO_NET_CTL, &net, 2, start_plain, start_plain, work_net },
};
const unsigned int nr_targets = ARRAY_SIZE(targets);

bool targets_find(void)
{
	unsigned int i;
	bool good = vdev_find(&rng, VIRTIO_ID_RNG, 0) && vdev_find(&console, VIRTIO_ID_CONSOLE, 0) &&
		    vdev_find(&net, VIRTIO_ID_NET, 0) && vdev_find(&vsock, VIRTIO_ID_VSOCK, 0) &&
		    vdev_find(&balloon, VIRTIO_ID_BALLOON, 0);

	for (i = 0; i < ARRAY_SIZE(disk) && good; i++)
		good = vdev_find(&disk[i], VIRTIO_ID_BLOCK, i);
	for (i = 0; i < nr_targets; i++)
		targets[i].buf = bare_alloc(65536, 4096);
	return good;
}

unsigned int target_good(struct target *t, struct vbuf *buf)
{
	struct virtio_blk_outhdr *head = (void *)t->buf;
	struct virtio_console_control *message = (void *)t->buf;

	switch (t->kind) {
	case TO_BLK:
		*head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN, .sector = 3 };
		buf[0] = (struct vbuf){ head, sizeof(*head), false };
		buf[1] = (struct vbuf){ t->buf + 4096, SECTOR, true };
		buf[2] = (struct vbuf){ t->buf + 8192, 1, true };
		return 3;
	case TO_TX:
		memcpy(t->buf, "this is true\n", 13);
		buf[0] = (struct vbuf){ t->buf, 13, false };
		return 1;
	case TO_CTL_TX:
		*message = (struct virtio_console_control){ .event = VIRTIO_CONSOLE_PORT_READY, .value = 1 };
		buf[0] = (struct vbuf){ message, sizeof(*message), false };
		return 1;
	case TO_NET_TX:
		memset(t->buf, 0, NET_HDR + 60);
		buf[0] = (struct vbuf){ t->buf, NET_HDR + 60, false };
		return 1;
	case TO_INFLATE:
		/* No page that there is. */
		memset(t->buf, 0xff, 64);
		buf[0] = (struct vbuf){ t->buf, 64, false };
		return 1;
	case TO_VSOCK_TX:
		*(struct virtio_vsock_hdr *)t->buf = vsock_packet(VIRTIO_VSOCK_OP_RST);
		buf[0] = (struct vbuf){ t->buf, sizeof(struct virtio_vsock_hdr), false };
		return 1;
	case TO_NET_CTL:
		memcpy(t->buf, (uint8_t[]){ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1 }, 3);
		buf[0] = (struct vbuf){ t->buf, 3, false };
		buf[1] = (struct vbuf){ t->buf + 4096, 1, true };
		return 2;
	}
	buf[0] = (struct vbuf){ t->buf, 64, true };
	return 1;
}
