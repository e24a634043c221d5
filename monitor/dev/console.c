// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-console with several ports (virtio 1.2, section 5.3).
 *
 * Theory of operation
 *
 * A port couples two queues with one descriptor of the host and holds at most
 * one chain itself, so each side feels the other's pace:
 *
 *   guest to host  a chain is written as far as the descriptor takes it; the
 *                  rest waits for POLLOUT, and the queue behind it fills up
 *   host to guest  the descriptor is read only straight into a buffer of the
 *                  guest, and polled only while the guest has given some
 *
 * A side that has gone for good takes what it is sent, so that nobody waits for
 * it for ever.
 */
#include "dev/console.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/iov.h"
#include "base/log.h"

static bool would_block(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK;
}

/* Nobody will ever read @p again. */
static void con_dead(struct console *con, struct con_port *p, int why)
{
	if (why != EPIPE && why != ECONNRESET && why != EIO)
		log_warn("console port %u: %s; its output is lost from here on",
			 (unsigned int)(p - con->port), strerror(why));
	p->dead = true;
}

/* Writes the held chain on. True: it is done with. */
static bool con_write(struct console *con, struct con_port *p)
{
	while (p->done < p->tx.out_len && !p->dead) {
		unsigned int n = iov_slice(con->slice, p->tx.iov, p->tx.nr_out,
					   p->done, UINT64_MAX);
		ssize_t ret = writev(p->fd, con->slice, n);

		if (ret >= 0) {
			p->done += ret;
			dev_count(&con->dev, out, 1);
			dev_count(&con->dev, out_bytes, ret);
		} else if (would_block(errno))
			return false;
		else if (errno != EINTR)
			con_dead(con, p, errno);
	}
	return true;
}

void con_transmit(struct console *con, unsigned int port)
{
	struct con_port *p = &con->port[port];
	unsigned int q = con_rx(port) + 1, budget = CON_QUEUE_SIZE;
	struct virtq *vq = &con->dev.vq[q];
	bool was_dead = p->dead;

	while (budget) {
		if (!p->holds) {
			if (virtq_getchain(vq, &p->tx) <= 0)
				break;
			p->holds = true;
			p->done = 0;
		}
		if (!con_write(con, p))
			break;
		p->holds = false;
		virtq_relchain(vq, &p->tx, 0);
		budget--;
	}
	if (!budget)
		dev_again(&con->dev, q);
	else if (!p->holds && p->closing) {
		p->closing = false;
		if (p->socket && !p->shut)
			shutdown(p->fd, SHUT_WR);
		p->shut = true;
	}
	dev_queue_done(&con->dev, q);
	if (p->dead != was_dead)
		con_ctl_send(con);
}

static void con_receive(struct console *con, unsigned int port)
{
	struct con_port *p = &con->port[port];
	unsigned int q = con_rx(port), budget = CON_QUEUE_SIZE;
	struct virtq *vq = &con->dev.vq[q];
	struct virtq_chain *c = &con->chain;
	ssize_t ret;

	while (budget--) {
		if (virtq_getchain(vq, c) <= 0) {
			p->starved = true;
			break;
		}
		if (!c->nr_in) {
			vq->broken = "a receive buffer that cannot be written";
			break;
		}
		do {
			ret = readv(p->fd, c->iov + c->nr_out, c->nr_in);
		} while (ret < 0 && errno == EINTR);
		if (ret <= 0) {
			virtq_retchain(vq);
			/* A pty whose other end has closed says EIO. */
			if (!ret || !would_block(errno))
				p->eof = true;
			break;
		}
		virtq_relchain(vq, c, ret);
		dev_count(&con->dev, in, 1);
		dev_count(&con->dev, in_bytes, ret);
	}
	dev_queue_done(&con->dev, q);
	if (p->eof)
		con_ctl_send(con);
}

static void con_kick(struct dev *dev, unsigned int q)
{
	struct console *con = to_console(dev);
	unsigned int port = q < CON_QUEUES_FIXED ? 0 : q / 2 - 1;

	if (q == CON_CTL_RX)
		con_ctl_send(con);
	else if (q == CON_CTL_TX)
		con_ctl_receive(con);
	else if (q == con_rx(port))
		con->port[port].starved = false;
	else
		con_transmit(con, port);
}

static int con_pollfds(struct dev *dev, struct pollfd *pfd, int max)
{
	struct console *con = to_console(dev);
	unsigned int i;
	int n = 0;

	for (i = 0; i < con->nr && n < max && dev->live; i++) {
		struct con_port *p = &con->port[i];

		pfd[n].events = 0;
		if (p->open && !p->eof && !p->starved && !p->writeonly)
			pfd[n].events |= POLLIN;
		if (p->holds)
			pfd[n].events |= POLLOUT;
		if (!pfd[n].events)
			continue;
		pfd[n].fd = p->fd;
		con->polled[n++] = i;
	}
	return n;
}

static void con_polled(struct dev *dev, const struct pollfd *pfd, int n)
{
	struct console *con = to_console(dev);
	int i;

	for (i = 0; i < n && dev->live; i++) {
		struct con_port *p = &con->port[con->polled[i]];

		if (!pfd[i].revents)
			continue;
		if (pfd[i].events & POLLIN &&
		    pfd[i].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
			con_receive(con, con->polled[i]);
		if (!p->holds)
			continue;
		con_transmit(con, con->polled[i]);
		/* A pty without its other end: full, and nobody reads it. */
		if (p->holds && pfd[i].revents & (POLLHUP | POLLERR | POLLNVAL)) {
			con_dead(con, p, EPIPE);
			con_transmit(con, con->polled[i]);
			con_ctl_send(con);
		}
	}
}

static void con_reset(struct dev *dev)
{
	struct console *con = to_console(dev);
	unsigned int i;

	con->driver_ready = false;
	for (i = 0; i < con->nr; i++) {
		struct con_port *p = &con->port[i];

		p->added = p->ready = false;
		p->told_console = p->told_name = p->told_open = false;
		p->told_size = 0;
		p->open = p->closing = p->holds = p->starved = false;
	}
}

static bool con_drained(struct dev *dev)
{
	struct console *con = to_console(dev);
	unsigned int i;

	for (i = 0; i < con->nr; i++)
		if (con->port[i].holds)
			return false;
	return !dev->again;
}

static void con_poked(struct dev *dev)
{
	struct console *con = to_console(dev);
	uint32_t size = read_once(con->port[0].size);
	struct {
		uint16_t cols;
		uint16_t rows;
	} config = { htole16(size >> 16), htole16(size & 0xffff) };

	dev_config_set(dev, offsetof(struct virtio_console_config, cols),
		       &config, sizeof(config));
	con_ctl_send(con);
}

void dev_console_resize(struct dev *dev, unsigned int port, unsigned int cols,
			unsigned int rows)
{
	struct console *con = to_console(dev);

	if (port >= con->nr)
		return;
	write_once(con->port[port].size, (cols & 0xffff) << 16 | (rows & 0xffff));
	dev_poke(dev);
}

static void con_destroy(struct dev *dev)
{
	struct console *con = to_console(dev);

	free(con->port);
	free(con);
}

static const struct dev_ops con_ops = {
	.name = "console",
	.id = VIRTIO_ID_CONSOLE,
	.kick = con_kick,
	.reset = con_reset,
	.pollfds = con_pollfds,
	.polled = con_polled,
	.poked = con_poked,
	.drained = con_drained,
	.destroy = con_destroy,
};

static int con_port_init(struct con_port *p, const struct dev_port *cfg,
			 unsigned int i, struct r3_err *err)
{
	const char *name = cfg->name ? cfg->name : "";
	struct stat st;
	int flags;

	if (strlen(name) >= CON_NAME_MAX)
		return err_set(err, ENAMETOOLONG, "the name of console port %u is longer than %d characters",
			       i, CON_NAME_MAX - 1);
	strcpy(p->name, name);
	p->fd = cfg->fd;
	flags = fcntl(p->fd, F_GETFL);
	if (flags < 0 || fcntl(p->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fstat(p->fd, &st) < 0)
		return err_set(err, errno, "descriptor of console port %u (%s): %s",
			       i, *name ? name : "hvc0", strerror(errno));
	p->socket = S_ISSOCK(st.st_mode);
	p->writeonly = (flags & O_ACCMODE) == O_WRONLY;
	return 0;
}

int dev_console_create(const struct dev_port *port, unsigned int nr,
		       struct dev **dev, struct r3_err *err)
{
	struct virtio_console_config config = { .max_nr_ports = htole32(nr) };
	struct console *con;
	unsigned int i;
	int ret;

	if (!nr || nr > CON_MAX_PORTS || nr > DEV_MAX_POLL)
		return err_set(err, EINVAL, "a console has 1 to %d ports, not %u",
			       DEV_MAX_POLL, nr);
	con = calloc(1, sizeof(*con));
	if (con)
		con->port = calloc(nr, sizeof(*con->port));
	if (!con || !con->port) {
		free(con);
		return err_set(err, ENOMEM, "no memory for the console");
	}
	con->nr = nr;
	for (i = 0; i < nr; i++) {
		ret = con_port_init(&con->port[i], &port[i], i, err);
		if (ret) {
			con_destroy(&con->dev);
			return ret;
		}
	}

	dev_init(&con->dev, &con_ops, 1ULL << VIRTIO_CONSOLE_F_MULTIPORT |
		 1ULL << VIRTIO_CONSOLE_F_SIZE);
	con->dev.nr_queues = 2 * (nr + 1);
	for (i = 0; i < con->dev.nr_queues; i++)
		con->dev.queue_size[i] = i % 2 ? CON_QUEUE_SIZE : CON_RX_QUEUE_SIZE;
	con->dev.queue_size[con_rx(0)] = con->dev.queue_size[CON_CTL_RX] = CON_SMALL_QUEUE_SIZE;
	dev_config_set(&con->dev, 0, &config, sizeof(config));
	*dev = &con->dev;
	return 0;
}
