/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the console: ports (console.c) and their control (console_ctl.c). */
#ifndef R3_DEV_CONSOLE_H
#define R3_DEV_CONSOLE_H

#include <linux/virtio_console.h>

#include "base/util.h"
#include "dev/dev.h"

/* Queues: receive and transmit of port 0, control, then pairs of other ports. */
#define CON_CTL_RX		2
#define CON_CTL_TX		3
#define CON_QUEUES_FIXED	4
#define CON_MAX_PORTS		((R3_VDEV_QUEUES - 2) / 2)
#define CON_QUEUE_SIZE		128
/*
 * The driver fills queues that it receives from with a page for each place.
 * Control and port 0, where people type, make do with few.
 */
#define CON_RX_QUEUE_SIZE	64
#define CON_SMALL_QUEUE_SIZE	16
#define CON_NAME_MAX		64

struct con_port {
	int fd;
	char name[CON_NAME_MAX];
	bool socket;
	bool writeonly;
	uint32_t size;			/* atomic: columns << 16 | rows, 0 unknown */

	/* The host's side. */
	bool eof;			/* nothing more comes from it */
	bool dead;			/* it takes nothing more */
	bool shut;			/* the guest's end of file was passed on */

	/* The driver's side; forgotten at reset. */
	bool added;			/* told of the port */
	bool ready;			/* it has answered */
	bool told_console;
	bool told_name;
	bool told_open;
	uint32_t told_size;
	bool open;			/* the guest has it open */
	bool closing;			/* closed; pass that on when all is written */
	bool starved;			/* no receive buffers */
	bool holds;			/* tx is being written */
	uint64_t done;			/* bytes of it */
	struct virtq_chain tx;
};

struct console {
	struct dev dev;
	bool driver_ready;
	unsigned int nr;
	struct con_port *port;
	unsigned int polled[DEV_MAX_POLL];	/* ports behind the last pollfds */
	struct virtq_chain chain;
	struct iovec slice[VIRTQ_SEGS_MAX];
};

static inline struct console *to_console(struct dev *dev)
{
	return container_of(dev, struct console, dev);
}

static inline unsigned int con_rx(unsigned int port)
{
	return port ? 2 * port + 2 : 0;
}

/* Sends the driver what it does not know yet, as far as it has buffers. */
void con_ctl_send(struct console *con);
/* Takes the driver's messages. */
void con_ctl_receive(struct console *con);
/* Writes what the guest sends on @port, as far as the host takes it. */
void con_transmit(struct console *con, unsigned int port);

#endif
