// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio-rng (virtio 1.2, section 5.4): the host's random numbers. */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/util.h"
#include "dev/dev.h"

#define RNG_QUEUE_SIZE	8
#define RNG_MAX		65536	/* bytes a request; more than any driver asks for */

struct rng {
	struct dev dev;
	struct virtq_chain chain;
};

/* Return: bytes of @chain filled. */
static uint32_t rng_fill(struct virtq_chain *chain)
{
	uint32_t done = 0;
	unsigned int i;

	for (i = 0; i < chain->nr_in && done < RNG_MAX; i++) {
		char *p = chain->iov[chain->nr_out + i].iov_base;
		size_t len = chain->iov[chain->nr_out + i].iov_len;

		len = min_t(size_t, len, RNG_MAX - done);
		while (len) {
			ssize_t n = getrandom(p, len, 0);

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return done;
			p += n;
			len -= n;
			done += n;
		}
	}
	return done;
}

static void rng_kick(struct dev *dev, unsigned int q)
{
	struct rng *rng = container_of(dev, struct rng, dev);
	struct virtq *vq = &dev->vq[q];
	unsigned int budget = RNG_QUEUE_SIZE;

	for (; budget && virtq_getchain(vq, &rng->chain) > 0; budget--)
		virtq_relchain(vq, &rng->chain, rng_fill(&rng->chain));
	/* Who refills it all the time must not keep us from control. */
	if (!budget)
		dev_again(dev, q);
}

static void rng_destroy(struct dev *dev)
{
	free(container_of(dev, struct rng, dev));
}

static const struct dev_ops rng_ops = {
	.name = "rng",
	.id = VIRTIO_ID_RNG,
	.kick = rng_kick,
	.destroy = rng_destroy,
};

int dev_rng_create(struct dev **dev, struct r3_err *err)
{
	struct rng *rng = calloc(1, sizeof(*rng));

	if (!rng)
		return err_set(err, ENOMEM, "no memory for the random number device");
	dev_init(&rng->dev, &rng_ops, 0);
	rng->dev.nr_queues = 1;
	rng->dev.queue_size[0] = RNG_QUEUE_SIZE;
	*dev = &rng->dev;
	return 0;
}
