// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio transport of ring3: a page of shared memory a device, queues in guest
 * memory, kicks by eventfd. See abi/ring3/vdev.h.
 *
 * The monitor is trusted (it is this process), so nothing here is checked that
 * only it can get wrong. Guest physical addresses are what __pa() says; there
 * is no translation between device and memory.
 */
#include <linux/device.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/console.h>
#include <linux/delay.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>
#include <asm/host.h>
#include <asm/irq.h>
#include <asm/versions.h>
#include <ring3/vdev.h>
#include "broken.h"
#include "plug.h"

#define VDEV_STRIDE	4096

struct r3_virtio {
	struct virtio_device vdev;
	struct r3_vdev *page;
	int irq;
	struct mutex ctl_lock;
	struct work_struct dead;	/* DEVICE_NEEDS_RESET was seen */
};

static struct r3_virtio *to_r3(struct virtio_device *vdev)
{
	return container_of(vdev, struct r3_virtio, vdev);
}

static void post(int fd)
{
	u64 one = 1;

	r3_host_write(fd, &one, sizeof(one));
}

static void wake_device(struct r3_vdev *page)
{
	post(page->kick_fd);
}

/*
 * Makes the device act on what was changed in its page, and waits until it
 * has. That is soon, except when it has a slow disk to finish with first; then
 * this vCPU still takes its interrupts.
 */
static void device_control(struct r3_virtio *r3)
{
	struct r3_vdev *page = r3->page;
	u32 seq, ack;

	seq = page->ctl_seq + 1;
	smp_store_release(&page->ctl_seq, seq);
	wake_device(page);
	while ((ack = smp_load_acquire(&page->ctl_ack)) != seq) {
		r3_host_futex_wait(&page->ctl_ack, ack);
		cond_resched();
	}
}

static void r3_get(struct virtio_device *vdev, unsigned int offset, void *buf,
		   unsigned int len)
{
	struct r3_vdev *page = to_r3(vdev)->page;

	if (WARN_ON_ONCE(offset + len > R3_VDEV_CONFIG))
		memset(buf, 0, len);
	else
		memcpy(buf, page->config + offset, len);
}

static void r3_set(struct virtio_device *vdev, unsigned int offset,
		   const void *buf, unsigned int len)
{
	struct r3_vdev *page = to_r3(vdev)->page;

	if (!WARN_ON_ONCE(offset + len > R3_VDEV_CONFIG))
		memcpy(page->config + offset, buf, len);
}

static u32 r3_generation(struct virtio_device *vdev)
{
	struct r3_vdev *page = to_r3(vdev)->page;
	u32 gen;

	/* Odd: the device is in the middle of a change. */
	while ((gen = smp_load_acquire(&page->config_gen)) & 1)
		r3_host_yield();
	return gen;
}

static u8 r3_get_status(struct virtio_device *vdev)
{
	return READ_ONCE(to_r3(vdev)->page->status);
}

static void change_status(struct r3_virtio *r3, u8 status)
{
	mutex_lock(&r3->ctl_lock);
	WRITE_ONCE(r3->page->status, status);
	device_control(r3);
	mutex_unlock(&r3->ctl_lock);
}

static void r3_set_status(struct virtio_device *vdev, u8 status)
{
	/* That would be a reset, which has its own way. */
	if (!WARN_ON(!status))
		change_status(to_r3(vdev), status);
}

static void r3_reset(struct virtio_device *vdev)
{
	struct r3_virtio *r3 = to_r3(vdev);

	change_status(r3, 0);
	/* The device is quiet; so shall be what it raised before. */
	synchronize_irq(r3->irq);
}

static u64 r3_get_features(struct virtio_device *vdev)
{
	return to_r3(vdev)->page->features;
}

static int r3_finalize_features(struct virtio_device *vdev)
{
	vring_transport_features(vdev);
	if (!__virtio_test_bit(vdev, VIRTIO_F_VERSION_1)) {
		dev_err(&vdev->dev, "device without VIRTIO_F_VERSION_1\n");
		return -EINVAL;
	}
	/* Read by the device when the core sets FEATURES_OK. */
	to_r3(vdev)->page->driver_features = vdev->features;
	return 0;
}

static bool r3_notify(struct virtqueue *vq)
{
	struct r3_vdev *page = to_r3(vq->vdev)->page;
	int fd = READ_ONCE(page->queue[vq->index].kick_fd);

	/* Another process serves this queue. A count that it has not read yet waits for it. */
	if (fd >= 0) {
		post(fd);
		return true;
	}
	/* Whoever finds a bit set knows that the device has yet to look. */
	if (!atomic64_fetch_or(BIT_ULL(vq->index), (atomic64_t *)&page->kicked))
		wake_device(page);
	/* The console driver spins until the device has looked. */
	if (vq->vdev->id.device == VIRTIO_ID_CONSOLE)
		r3_host_yield();
	return true;
}

/*
 * No driver looks at DEVICE_NEEDS_RESET. What is asked of the device, from now on and
 * before, fails, instead of waiting for an answer that cannot come.
 */
static void break_device(struct work_struct *work)
{
	struct r3_virtio *r3 = container_of(work, struct r3_virtio, dead);

	if (!(READ_ONCE(r3->page->status) & VIRTIO_CONFIG_S_NEEDS_RESET))
		return;
	virtio_break_device(&r3->vdev);
	r3_fail_requests(&r3->vdev);
}

static irqreturn_t r3_interrupt(int irq, void *opaque)
{
	struct r3_virtio *r3 = opaque;
	struct virtqueue *vq;
	u32 isr = xchg(&r3->page->isr, 0);

	/* Nothing is set if an earlier call took two interrupts at once. */
	if (isr & R3_VDEV_ISR_CONFIG) {
		virtio_config_changed(&r3->vdev);
		if (READ_ONCE(r3->page->status) & VIRTIO_CONFIG_S_NEEDS_RESET)
			schedule_work(&r3->dead);
	}
	if (isr & R3_VDEV_ISR_QUEUE)
		virtio_device_for_each_vq(&r3->vdev, vq)
			vring_interrupt(irq, vq);
	return IRQ_HANDLED;
}

static void delete_queues(struct r3_virtio *r3)
{
	struct virtqueue *vq, *next;

	list_for_each_entry_safe(vq, next, &r3->vdev.vqs, list) {
		WRITE_ONCE(r3->page->queue[vq->index].enabled, 0);
		vring_del_virtqueue(vq);
	}
}

static void r3_del_vqs(struct virtio_device *vdev)
{
	struct r3_virtio *r3 = to_r3(vdev);

	free_irq(r3->irq, r3);
	cancel_work_sync(&r3->dead);
	delete_queues(r3);
}

static struct virtqueue *create_queue(struct r3_virtio *r3, unsigned int index,
				      vq_callback_t *callback,
				      const char *name, bool ctx)
{
	struct r3_vqueue *q = &r3->page->queue[index];
	struct virtqueue *vq;

	if (index >= r3->page->nr_queues || !q->size_max)
		return ERR_PTR(-ENOENT);
	vq = vring_create_virtqueue(index, q->size_max, SMP_CACHE_BYTES,
				    &r3->vdev, true, true, ctx, r3_notify,
				    callback, name);
	if (!vq)
		return ERR_PTR(-ENOMEM);

	vq->num_max = q->size_max;
	q->size = virtqueue_get_vring_size(vq);
	q->desc = virtqueue_get_desc_addr(vq);
	q->driver = virtqueue_get_avail_addr(vq);
	q->device = virtqueue_get_used_addr(vq);
	/* Read by the device when the core sets DRIVER_OK. */
	smp_store_release(&q->enabled, 1);
	return vq;
}

static int r3_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
		       struct virtqueue *vqs[], R3_FIND_VQS_ARGS,
		       struct irq_affinity *desc)
{
	struct r3_virtio *r3 = to_r3(vdev);
	unsigned int i, index = 0;
	int ret;

	for (i = 0; i < nvqs; i++) {
		/* A queue the driver does not want has no number either. */
		if (!R3_VQ_NAME(i)) {
			vqs[i] = NULL;
			continue;
		}
		vqs[i] = create_queue(r3, index++, R3_VQ_CALLBACK(i),
				      R3_VQ_NAME(i), R3_VQ_CTX(i));
		if (IS_ERR(vqs[i])) {
			ret = PTR_ERR(vqs[i]);
			goto fail;
		}
	}

	ret = request_irq(r3->irq, r3_interrupt, IRQF_SHARED, dev_name(&vdev->dev), r3);
	if (!ret)
		return 0;
fail:
	delete_queues(r3);
	return ret;
}

static void r3_synchronize_cbs(struct virtio_device *vdev)
{
	synchronize_irq(to_r3(vdev)->irq);
}

static const char *r3_bus_name(struct virtio_device *vdev)
{
	return "ring3";
}

static const struct virtio_config_ops r3_config_ops = {
	.get = r3_get,
	.set = r3_set,
	.generation = r3_generation,
	.get_status = r3_get_status,
	.set_status = r3_set_status,
	.reset = r3_reset,
	.find_vqs = r3_find_vqs,
	.del_vqs = r3_del_vqs,
	.synchronize_cbs = r3_synchronize_cbs,
	.get_features = r3_get_features,
	.finalize_features = r3_finalize_features,
	.bus_name = r3_bus_name,
};

static void r3_release(struct device *dev)
{
	kfree(to_r3(dev_to_virtio(dev)));
}

struct r3_vdev *r3_vdev_page(unsigned int i)
{
	return (struct r3_vdev *)(r3_boot->vdevs + i * VDEV_STRIDE);
}

int r3_virtio_add(struct device *parent, unsigned int i, struct virtio_device **vdev)
{
	struct r3_virtio *r3 = kzalloc(sizeof(*r3), GFP_KERNEL);
	int ret;

	if (!r3)
		return -ENOMEM;
	r3->page = r3_vdev_page(i);
	r3->irq = R3_IRQ_DEV(i);
	mutex_init(&r3->ctl_lock);
	INIT_WORK(&r3->dead, break_device);
	r3->vdev.id.device = r3->page->device_id;
	r3->vdev.id.vendor = R3_VDEV_MAGIC;
	r3->vdev.config = &r3_config_ops;
	r3->vdev.dev.parent = parent;
	r3->vdev.dev.release = r3_release;

	ret = register_virtio_device(&r3->vdev);
	if (ret)
		put_device(&r3->vdev.dev);
	else
		*vdev = &r3->vdev;
	return ret;
}

static int __init add_devices(void)
{
	struct device *parent = root_device_register("ring3");
	struct virtio_device *vdev;
	unsigned int i;
	int ret;

	if (IS_ERR(parent))
		return PTR_ERR(parent);
	for (i = 0; i < r3_boot->nr_vdevs; i++) {
		ret = r3_virtio_add(parent, i, &vdev);
		if (ret)
			pr_err("virtio device %u: error %d\n", i, ret);
	}
	r3_plug_start(parent, i);
	return 0;
}
device_initcall(add_devices);

/*
 * The console's ports are added by messages from the device, while boot goes
 * on. PID 1 is to find /dev/console.
 */
static int __init r3_wait_for_console(void)
{
	unsigned int i, tries;
	int index;

	for (i = 0; i < r3_boot->nr_vdevs; i++) {
		if (r3_vdev_page(i)->device_id == VIRTIO_ID_CONSOLE)
			break;
	}
	if (i == r3_boot->nr_vdevs || !console_set_on_cmdline)
		return 0;
	for (tries = 0; tries < 2000 && !console_device(&index); tries++)
		usleep_range(50, 100);
	return 0;
}
late_initcall_sync(r3_wait_for_console);
