// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control messages of the console (virtio 1.2, section 5.3.6.2).
 *
 * What has to be said is not queued but derived: the difference between what a
 * port is and what the driver was told. So it is bounded, and a state that
 * changes twice before the driver gives a buffer is told once.
 */
#include "dev/console.h"

#include <endian.h>
#include <string.h>

#include "base/iov.h"

struct con_msg {
	struct virtio_console_control head;
	char data[CON_NAME_MAX];
	unsigned int len;
};

static bool con_is_open(const struct con_port *p)
{
	return !p->eof && !p->dead;
}

static void con_msg_set(struct con_msg *m, unsigned int port, uint16_t event,
			uint16_t value, const void *data, unsigned int len)
{
	m->head.id = htole32(port);
	m->head.event = htole16(event);
	m->head.value = htole16(value);
	memcpy(m->data, data, len);
	m->len = sizeof(m->head) + len;
}

/* Writes the next message about @port and notes it as said. False: none. */
static bool con_next(struct console *con, unsigned int port, struct con_msg *m)
{
	struct con_port *p = &con->port[port];
	uint32_t size = read_once(p->size);

	if (!p->added) {
		p->added = true;
		con_msg_set(m, port, VIRTIO_CONSOLE_PORT_ADD, 1, "", 0);
	} else if (!p->ready) {
		return false;
	} else if (!port && !p->told_console) {
		p->told_console = true;
		con_msg_set(m, port, VIRTIO_CONSOLE_CONSOLE_PORT, 1, "", 0);
	} else if (*p->name && !p->told_name) {
		p->told_name = true;
		con_msg_set(m, port, VIRTIO_CONSOLE_PORT_NAME, 1, p->name,
			    strlen(p->name));
	} else if (p->told_open != con_is_open(p)) {
		p->told_open = !p->told_open;
		con_msg_set(m, port, VIRTIO_CONSOLE_PORT_OPEN, p->told_open, "", 0);
	} else if (!port && p->told_size != size) {
		uint16_t cols_rows[2] = { htole16(size >> 16),
					  htole16(size & 0xffff) };

		p->told_size = size;
		con_msg_set(m, port, VIRTIO_CONSOLE_RESIZE, 0, cols_rows,
			    sizeof(cols_rows));
	} else {
		return false;
	}
	return true;
}

void con_ctl_send(struct console *con)
{
	struct virtq *vq = &con->dev.vq[CON_CTL_RX];
	struct virtq_chain *c = &con->chain;
	unsigned int port = 0;
	struct con_msg m;

	if (!con->driver_ready || !con->dev.live)
		return;
	while (virtq_getchain(vq, c) > 0) {
		while (port < con->nr && !con_next(con, port, &m))
			port++;
		if (port == con->nr) {
			virtq_retchain(vq);
			break;
		}
		if (c->in_len < m.len) {
			vq->broken = "a control buffer too small for the message";
			return;
		}
		iov_write(c->iov + c->nr_out, c->nr_in, 0, &m.head, sizeof(m.head));
		iov_write(c->iov + c->nr_out, c->nr_in, sizeof(m.head), m.data,
			  m.len - sizeof(m.head));
		virtq_relchain(vq, c, m.len);
	}
	dev_queue_done(&con->dev, CON_CTL_RX);
}

static void con_port_open(struct console *con, unsigned int port, bool open)
{
	struct con_port *p = &con->port[port];

	p->open = open;
	p->closing = !open && port;
	/* What was written before the close is in the queue by now. */
	con_transmit(con, port);
}

static void con_handle(struct console *con,
		       const struct virtio_console_control *head)
{
	uint32_t port = le32toh(head->id);
	uint16_t value = le16toh(head->value);

	if (le16toh(head->event) == VIRTIO_CONSOLE_DEVICE_READY) {
		con->driver_ready = value;
		return;
	}
	if (port >= con->nr || !con->port[port].added)
		return;

	switch (le16toh(head->event)) {
	case VIRTIO_CONSOLE_PORT_READY:
		/* 0: the driver could not set it up. The others go on. */
		con->port[port].ready = value;
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		con_port_open(con, port, value);
		break;
	}
}

void con_ctl_receive(struct console *con)
{
	struct virtq *vq = &con->dev.vq[CON_CTL_TX];
	struct virtq_chain *c = &con->chain;
	unsigned int budget = CON_QUEUE_SIZE;

	while (budget && virtq_getchain(vq, c) > 0) {
		struct virtio_console_control head;

		if (iov_read(c->iov, c->nr_out, 0, &head, sizeof(head)) < sizeof(head)) {
			vq->broken = "a control message too short";
			return;
		}
		virtq_relchain(vq, c, 0);
		con_handle(con, &head);
		budget--;
	}
	if (!budget)
		dev_again(&con->dev, CON_CTL_TX);
	con_ctl_send(con);
}
