// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk whose back end has died. The driver has no time limit for requests: without
 * this, who reads or writes would wait for ever, and could not be killed.
 *
 * The requests are ended past the driver, as there is no way through it: it takes a
 * request's result from where the device would have written it. What the driver
 * allocated for large requests (chained scatter lists) is lost then, of no more requests
 * than a queue holds, once in a device's life.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/device.h>
#include "broken.h"

static bool fail_request(struct request *rq, void *unused)
{
	if (blk_mq_request_started(rq) && !blk_mq_request_completed(rq))
		blk_mq_end_request(rq, BLK_STS_IOERR);
	return true;
}

static int fail_disk(struct device *dev, void *unused)
{
	struct request_queue *q;

	if (dev->class != &block_class)
		return 0;
	q = dev_to_disk(dev)->queue;
	/* Whoever is on the way into the virtqueue gets there, or sees that it is broken. */
	blk_mq_quiesce_queue(q);
	blk_mq_tagset_busy_iter(q->tag_set, fail_request, NULL);
	blk_mq_unquiesce_queue(q);
	/* And whoever waits for room in it sees that, too. */
	blk_mq_start_stopped_hw_queues(q, true);
	return 0;
}

void r3_fail_requests(struct virtio_device *vdev)
{
	device_for_each_child(&vdev->dev, NULL, fail_disk);
}
