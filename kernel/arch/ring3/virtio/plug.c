// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that come and go while the guest runs: abi/ring3/plug.h has the rules.
 *
 * A slot's interrupt is that of its device, and shared with it, so nothing else of the port
 * knows of slots. The work of one slot waits for its driver, that of a disk for its
 * requests: each slot has its own, on a queue that may have them all at once.
 */
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <asm/host.h>
#include <asm/irq.h>
#include "plug.h"

struct slot {
	unsigned int index;
	struct r3_vdev *page;
	struct r3_plug *plug;		/* in it */
	struct device *parent;
	struct work_struct work;
	struct virtio_device *vdev;	/* NULL: none */
};

static struct workqueue_struct *plug_wq;

static void wake_monitor(struct slot *slot)
{
	u64 one = 1;

	r3_host_write(slot->page->kick_fd, &one, sizeof(one));
}

/* ---- what the guest calls it ---- */

static bool has_name(struct device *dev)
{
#ifdef CONFIG_BLOCK
	if (dev->class == &block_class)
		return true;
#endif
	return dev->class && dev->class->name && !strcmp(dev->class->name, "net");
}

static int take_name(struct device *dev, void *name)
{
	if (!has_name(dev))
		return 0;
	strscpy(name, dev_name(dev), R3_PLUG_NAME);
	return 1;
}

static int find_name(struct device *dev, void *name)
{
	/* A card's device is below a folder "net", which is no device. */
	return take_name(dev, name) ?: device_for_each_child(dev, name, take_name);
}

static void tell_name(struct slot *slot)
{
	memset(slot->plug->name, 0, R3_PLUG_NAME);
	device_for_each_child(&slot->vdev->dev, slot->plug->name, find_name);
}

/* ---- is it in use? ---- */

static int disk_used(struct device *dev, void *unused)
{
#ifdef CONFIG_BLOCK
	if (dev->class == &block_class)
		return disk_openers(dev_to_disk(dev)) > 0;
#endif
	return 0;
}

static bool in_use(struct slot *slot)
{
	return device_for_each_child(&slot->vdev->dev, NULL, disk_used);
}

/* ---- slots ---- */

static void add(struct slot *slot)
{
	int ret = r3_virtio_add(slot->parent, slot->index, &slot->vdev);

	/* The monitor learns only that it has no name: who looks at this console learns why. */
	if (ret)
		pr_err("virtio device %u: error %d\n", slot->index, ret);
	else
		tell_name(slot);
	/* Who looked for partitions, we that is, has the disk open until then: nobody else does. */
	flush_delayed_fput();
}

static void take_off(struct slot *slot)
{
	struct virtio_device *vdev = slot->vdev;

	slot->vdev = NULL;
	unregister_virtio_device(vdev);
}

static void plug_work(struct work_struct *work)
{
	struct slot *slot = container_of(work, struct slot, work);
	struct r3_plug *p = slot->plug;
	u32 plug;

	while ((plug = smp_load_acquire(&p->plug)) != READ_ONCE(p->ack)) {
		if (!(plug & 1) && slot->vdev && !(READ_ONCE(p->flags) & R3_PLUG_FORCE) && in_use(slot)) {
			if (p->busy != plug) {
				smp_store_release(&p->busy, plug);
				wake_monitor(slot);
			}
			/* Its next number comes with an interrupt. */
			return;
		}
		if (plug & 1 && !slot->vdev)
			add(slot);
		else if (!(plug & 1) && slot->vdev)
			take_off(slot);
		smp_store_release(&p->ack, plug);
		wake_monitor(slot);
	}
}

static irqreturn_t plug_interrupt(int irq, void *opaque)
{
	struct slot *slot = opaque;

	if (READ_ONCE(slot->plug->plug) == READ_ONCE(slot->plug->ack))
		return IRQ_NONE;
	queue_work(plug_wq, &slot->work);
	return IRQ_HANDLED;
}

static int __init start_slot(struct device *parent, unsigned int i)
{
	struct slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	int ret;

	if (!slot)
		return -ENOMEM;
	slot->index = i;
	slot->page = r3_vdev_page(i);
	slot->plug = r3_plug_of(slot->page);
	slot->parent = parent;
	INIT_WORK(&slot->work, plug_work);
	ret = request_irq(R3_IRQ_DEV(i), plug_interrupt, IRQF_SHARED, "ring3-slot", slot);
	if (ret) {
		kfree(slot);
		return ret;
	}
	/* One that was put in before the guest looked, or by the last of a guest that rebooted. */
	if (READ_ONCE(slot->plug->plug))
		queue_work(plug_wq, &slot->work);
	return 0;
}

void __init r3_plug_start(struct device *parent, unsigned int first)
{
	unsigned int i;
	int ret;

	if (first >= R3_VDEV_MAX || r3_vdev_page(first)->magic != R3_VDEV_MAGIC)
		return;
	plug_wq = alloc_workqueue("ring3-plug", WQ_UNBOUND | WQ_MEM_RECLAIM, R3_VDEV_MAX);
	if (!plug_wq)
		return;
	for (i = first; i < R3_VDEV_MAX && r3_vdev_page(i)->magic == R3_VDEV_MAGIC; i++) {
		ret = start_slot(parent, i);
		if (ret)
			pr_err("slot %u for devices: error %d\n", i, ret);
	}
}
