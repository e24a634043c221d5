// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest has freed goes back to the host: mainline's free page
 * reporting, as a balloon device offers it, without the device.
 *
 * Pages come here some seconds after they were freed, in the order below or
 * larger, and are first touched again when they are used again, which costs a
 * fault of the host's. The allocator uses others before them.
 */
#include <linux/mm.h>
#include <linux/init.h>
#include <linux/page_reporting.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <asm/host.h>

/* The host is asked for no more at once: interrupts wait for the answer. */
#define PIECE	(512UL * 1024)

static int forget(phys_addr_t gpa, unsigned long len)
{
	unsigned long piece;
	long ret = 0;

	for (; len && !ret; gpa += piece, len -= piece) {
		piece = min(len, PIECE);
		ret = r3_host_forget(gpa, piece);
		cond_resched();
	}
	return ret;
}

static int report(struct page_reporting_dev_info *info, struct scatterlist *sgl, unsigned int nents)
{
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	for_each_sg(sgl, sg, nents, i) {
		ret = forget(page_to_phys(sg_page(sg)), sg->length);
		if (ret)
			return ret;
	}
	return 0;
}

static struct page_reporting_dev_info info = {
	.report = report,
	.order = 7,	/* PIECE */
};

static int __init r3_report_init(void)
{
	/* A page comes back zeroed, which page_poison=1 would take for corruption. */
	if (page_poisoning_enabled())
		return 0;
	return page_reporting_register(&info);
}
late_initcall(r3_report_init);
