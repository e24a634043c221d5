// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a thread's vector state is. While the thread runs, in its guest
 * thread's registers; while it is stopped, in the signal frame in its slot;
 * once another thread may use that slot, in its task_struct.
 *
 * thread.fp_slot names the slot whose frame is the only copy. A stamp that is
 * in both thread.fp_stamp and slot.stamp says that the frame still equals the
 * thread's state, so that a switch forth and back copies once, not twice.
 */
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>
#include <linux/string.h>
#include <linux/atomic.h>
#include <linux/preempt.h>
#include <asm/sigcontext.h>
#include <asm/space.h>
#include <asm/copy.h>
#include <asm/fpu.h>
#include <asm/elf.h>

#define MXCSR		24
#define XSTATE_BV	512
#define XCOMP_BV	520
#define XSAVE_HEADER	64
#define FXSAVE_SIZE	512
#define SW_BYTES	464
#define XF_AMX		(3ULL << 17)	/* needs a permission that guest threads never ask for */
#define XF_PKRU		(1ULL << 9)

unsigned int r3_xsave_size __ro_after_init;
unsigned int r3_fpframe_size __ro_after_init;
unsigned int r3_minsigstksz __ro_after_init;
u64 r3_xfeatures __ro_after_init;
static u32 mxcsr_mask __ro_after_init = 0xffbf;

static void cpuid(u32 leaf, u32 sub, u32 *a, u32 *b, u32 *c, u32 *d)
{
	asm volatile("cpuid" : "=a" (*a), "=b" (*b), "=c" (*c), "=d" (*d)
		     : "0" (leaf), "2" (sub));
}

void __init r3_fpu_init(void)
{
	static u8 fx[FXSAVE_SIZE] __aligned(16) __initdata;
	u32 a, b, c, d, lo, hi, mask;
	unsigned int i;

	asm volatile("fxsave64 %0" : "=m" (fx));
	mask = *(u32 *)(fx + 28);
	if (mask)
		mxcsr_mask = mask;

	r3_xfeatures = 3;
	r3_xsave_size = FXSAVE_SIZE + XSAVE_HEADER;
	cpuid(1, 0, &a, &b, &c, &d);
	if (c & (1 << 27)) {	/* OSXSAVE */
		asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (0));
		r3_xfeatures = (((u64)hi << 32) | lo) & ~XF_AMX;
		for (i = 2; i < 63; i++) {
			if (!(r3_xfeatures & (1ULL << i)))
				continue;
			cpuid(0xd, i, &a, &b, &c, &d);
			r3_xsave_size = max(r3_xsave_size, a + b);
		}
	}
	r3_fpframe_size = r3_xsave_size + FP_XSTATE_MAGIC2_SIZE;
	/* frame, siginfo, red zone and alignment, as x86 counts them */
	r3_minsigstksz = r3_fpframe_size + 8 + 296 + 128 + 128 + 64 + 16;
	arch_task_struct_size = offsetof(struct task_struct, thread.fpu.state) +
				ALIGN(r3_fpframe_size, 64);
}

/*
 * At each switch the host saves and loads what is in use of a thread's vector
 * state. Of this vCPU's nothing is from here on: what the monitor left goes.
 */
void r3_fpu_drop(void)
{
	static const u8 area[FXSAVE_SIZE + XSAVE_HEADER] __aligned(64) = {
		[MXCSR] = 0x80, [MXCSR + 1] = 0x1f,	/* its initial value */
	};
	u64 mask = r3_xfeatures & ~XF_PKRU;

	if (r3_xsave_size > sizeof(area))
		asm volatile("xrstor64 %0" :: "m" (area), "a" ((u32)mask), "d" ((u32)(mask >> 32)));
}

/* Software bytes that describe exactly the area we keep. */
void r3_fpu_set_sw_bytes(void *state)
{
	struct _fpx_sw_bytes *sw = state + SW_BYTES;

	memset(sw, 0, sizeof(*sw));
	sw->magic1 = FP_XSTATE_MAGIC1;
	sw->extended_size = r3_fpframe_size;
	sw->xfeatures = r3_xfeatures;
	sw->xstate_size = r3_xsave_size;
	*(u32 *)(state + r3_xsave_size) = FP_XSTATE_MAGIC2;
}

/* Makes any bytes a state that the CPU will load. */
void r3_fpu_sanitize(void *state)
{
	*(u32 *)(state + MXCSR) &= mxcsr_mask;
	*(u64 *)(state + XSTATE_BV) &= r3_xfeatures;
	memset(state + XCOMP_BV, 0, XSAVE_HEADER - 8);
	r3_fpu_set_sw_bytes(state);
}

/*
 * Takes the state out of the slot, which is another task's as soon as this one
 * is switched away: nothing that can sleep may come between a look at fp_slot
 * and the copy, and nobody looks into the slot afterwards.
 */
void r3_fpu_save(struct task_struct *tsk)
{
	struct r3_slot_info *slot;

	preempt_disable();
	slot = tsk->thread.fp_slot;
	if (!slot)
		goto out;
	r3_copy(tsk->thread.fpu.state, (void *)slot->slot + slot->fp, r3_fpframe_size);
	r3_fpu_sanitize(tsk->thread.fpu.state);
	tsk->thread.fpu.valid = true;
	tsk->thread.fp_slot = NULL;
out:
	preempt_enable();
}

/* The initial state: legacy control words, no component in use. */
void r3_fpu_init_state(void *state)
{
	memset(state, 0, r3_fpframe_size);
	*(u16 *)state = 0x37f;
	*(u32 *)(state + MXCSR) = 0x1f80;
	r3_fpu_set_sw_bytes(state);
}

/**
 * r3_fpu_to_user - the current thread's state, with software bytes
 * @buf: of r3_fpframe_size bytes, as in a signal frame
 *
 * Returns 0 or -EFAULT.
 */
int r3_fpu_to_user(void __user *buf)
{
	struct thread_struct *t = &current->thread;
	void *state = t->fpu.state;

	/* The copy may fault and sleep. */
	r3_fpu_save(current);
	if (t->fpu.valid)
		r3_fpu_set_sw_bytes(state);
	else
		r3_fpu_init_state(state);
	return copy_to_user(buf, state, r3_fpframe_size) ? -EFAULT : 0;
}

void r3_fpu_reset(struct task_struct *tsk)
{
	tsk->thread.fp_slot = NULL;
	tsk->thread.fp_stamp = 0;
	tsk->thread.fpu.valid = false;
}

/* Is it a whole state of ours, as nearly every one in a signal frame is? */
static bool whole(const void *state)
{
	const struct _fpx_sw_bytes *sw = state + SW_BYTES;

	return sw->magic1 == FP_XSTATE_MAGIC1 && sw->xstate_size == r3_xsave_size &&
	       *(u32 *)(state + r3_xsave_size) == FP_XSTATE_MAGIC2;
}

/**
 * r3_fpu_from_user - replace the current thread's state
 * @buf: FXSAVE or XSAVE image with software bytes, as in a signal frame
 *
 * Returns 0, or -EFAULT. An image without valid software bytes counts as
 * FXSAVE only, as on x86.
 */
int r3_fpu_from_user(const void __user *buf)
{
	struct thread_struct *t = &current->thread;
	u8 *state = t->fpu.state;
	struct _fpx_sw_bytes *sw = (void *)state + SW_BYTES;
	unsigned int size = FXSAVE_SIZE;
	u64 features = 3;
	u32 magic2;

	t->fp_slot = NULL;
	t->fp_stamp = 0;
	t->fpu.valid = false;
	if (!access_ok(buf, r3_fpframe_size))
		return -EFAULT;
	if (!__copy_from_user(state, buf, r3_fpframe_size) && whole(state)) {
		features = *(u64 *)(state + XSTATE_BV) & sw->xfeatures;
		size = r3_xsave_size;
	} else {
		if (__copy_from_user(state, buf, FXSAVE_SIZE))
			return -EFAULT;
		if (sw->magic1 == FP_XSTATE_MAGIC1 && sw->xstate_size >= FXSAVE_SIZE + XSAVE_HEADER &&
		    sw->xstate_size <= r3_xsave_size &&
		    !__get_user(magic2, (const u32 __user *)(buf + sw->xstate_size)) &&
		    magic2 == FP_XSTATE_MAGIC2) {
			size = sw->xstate_size;
			if (__copy_from_user(state + FXSAVE_SIZE, buf + FXSAVE_SIZE, size - FXSAVE_SIZE))
				return -EFAULT;
			features = *(u64 *)(state + XSTATE_BV) & sw->xfeatures;
		}
	}
	memset(state + size, 0, r3_xsave_size - size);
	*(u64 *)(state + XSTATE_BV) = features;
	r3_fpu_sanitize(state);
	t->fpu.valid = true;
	return 0;
}
