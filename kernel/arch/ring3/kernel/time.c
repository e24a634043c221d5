// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time: the TSC where the monitor found it to be a clock, the host's
 * clock_gettime otherwise; one host timer a vCPU for events.
 */
#include <linux/clocksource.h>
#include <linux/clockchips.h>
#include <linux/sched_clock.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <asm/timex.h>
#include <asm/held.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/forced_yield.h>

static DEFINE_PER_CPU(struct clock_event_device, r3_clockevent);
static u32 sched_mult __ro_after_init, sched_shift __ro_after_init;
static u64 sched_base __ro_after_init;

static u64 read_tsc(struct clocksource *cs)
{
	return r3_unheld(rdtsc_ordered());
}

static u64 read_host(struct clocksource *cs)
{
	return r3_unheld(r3_host_clock(CLOCK_MONOTONIC_RAW));
}

static struct clocksource clocksource_tsc = {
	.name = "tsc",
	.rating = 300,
	.read = read_tsc,
	.mask = CLOCKSOURCE_MASK(64),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
#ifdef CONFIG_GENERIC_GETTIMEOFDAY
	.vdso_clock_mode = VDSO_CLOCKMODE_TSC,
#endif
};

static struct clocksource clocksource_host = {
	.name = "host",
	.rating = 200,
	.read = read_host,
	.mask = CLOCKSOURCE_MASK(64),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
};

unsigned long long notrace sched_clock(void)
{
	if (!sched_mult)
		return sched_base ? r3_unheld(r3_host_clock(CLOCK_MONOTONIC)) - sched_base : 0;
	return mul_u64_u32_shr(r3_unheld(get_cycles()) - sched_base, sched_mult, sched_shift);
}

/*
 * Of a vCPU whose timer comes late, the host has let something else run
 * meanwhile. That is no fault of the guest's, so its watchdogs, which go by
 * running_clock(), do not count it.
 */
#define LATE_NS		NSEC_PER_MSEC
#define LATE_LONG_NS	NSEC_PER_SEC

struct lateness {
	u64 due;		/* 0: nothing is */
	u64 sum;
};

static DEFINE_PER_CPU(struct lateness, lateness);

u64 notrace running_clock(void)
{
	return local_clock() - this_cpu_read(lateness.sum);
}

static void count_late(void)
{
	struct lateness *l = this_cpu_ptr(&lateness);
	s64 late = sched_clock() - l->due;

	if (l->due && late > LATE_NS) {
		l->sum += late;
		if (late > LATE_LONG_NS)
			rcu_cpu_stall_reset();
	}
	l->due = 0;
}

u64 r3_timer_due(unsigned int cpu)
{
	return READ_ONCE(per_cpu(lateness.due, cpu));
}

static int set_next_event(unsigned long delta, struct clock_event_device *dev)
{
	this_cpu_write(lateness.due, sched_clock() + delta);
	r3_host_timer(smp_processor_id(), delta ?: 1);
	return 0;
}

static int shutdown(struct clock_event_device *dev)
{
	this_cpu_write(lateness.due, 0);
	r3_host_timer(smp_processor_id(), 0);
	return 0;
}

void r3_timer_interrupt(void)
{
	struct clock_event_device *dev = this_cpu_ptr(&r3_clockevent);

	count_late();
	r3_forced_yield_for_others();
	if (dev->event_handler)
		dev->event_handler(dev);
}

void r3_clockevent_start(unsigned int cpu)
{
	struct clock_event_device *dev = &per_cpu(r3_clockevent, cpu);

	dev->name = "ring3";
	dev->features = CLOCK_EVT_FEAT_ONESHOT;
	dev->rating = 300;
	dev->cpumask = cpumask_of(cpu);
	dev->set_next_event = set_next_event;
	dev->set_state_shutdown = shutdown;
	dev->set_state_oneshot_stopped = shutdown;
	clockevents_config_and_register(dev, NSEC_PER_SEC, 1000, LONG_MAX);
}

void read_persistent_clock64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(r3_host_clock(CLOCK_REALTIME));
}

/*
 * The guest was held: by "ring3 pause", or by a debugger. All its clocks stood still,
 * as r3_held is in what they read, and so no timer and no watchdog is late. The wall
 * clock has to catch up.
 */
#define HELD_MIN_NS	NSEC_PER_MSEC
#define HELD_TOLD_NS	NSEC_PER_SEC

static u64 held_seen;
static bool held_counts;

static u64 held_ns(u64 held)
{
	return r3_boot->tsc_khz ? mul_u64_u64_div_u64(held, NSEC_PER_MSEC, r3_boot->tsc_khz) : held;
}

static void catch_up(struct work_struct *work)
{
	u64 held = r3_held, ns = held_ns(held - held_seen);
	struct timespec64 now;

	held_seen = held;
	ktime_get_real_ts64(&now);
	timespec64_add_ns(&now, ns);
	do_settimeofday64(&now);
	if (ns >= HELD_TOLD_NS)
		pr_info("ring3: held from outside for %llu.%03llu s\n", ns / NSEC_PER_SEC,
			ns % NSEC_PER_SEC / NSEC_PER_MSEC);
}

static DECLARE_WORK(held_work, catch_up);

/* At every interrupt. */
void r3_held_check(void)
{
	if (unlikely(r3_held != held_seen) && held_counts && held_ns(r3_held - held_seen) >= HELD_MIN_NS)
		schedule_work(&held_work);
}

/*
 * Until the clocksource is taken, time goes by the ticks that were handled. What the
 * host took of it meanwhile is made up for.
 */
static int __init r3_set_clock(void)
{
	struct timespec64 now;

	held_seen = r3_held;
	held_counts = true;
	now = ns_to_timespec64(r3_host_clock(CLOCK_REALTIME));
	return do_settimeofday64(&now);
}
late_initcall(r3_set_clock);

/* So that the first message is at 0. */
void __init r3_time_early(void)
{
	u32 mult = 0;

	if (r3_boot->tsc_khz) {
		clocks_calc_mult_shift(&mult, &sched_shift, r3_boot->tsc_khz, NSEC_PER_MSEC, 0);
		sched_base = r3_unheld(get_cycles());
	} else {
		sched_base = r3_unheld(r3_host_clock(CLOCK_MONOTONIC));
	}
	sched_mult = mult;
}

void __init time_init(void)
{
	if (r3_boot->tsc_khz)
		clocksource_register_khz(&clocksource_tsc, r3_boot->tsc_khz);
	else
		clocksource_register_hz(&clocksource_host, NSEC_PER_SEC);
	/* Delays read the clock: lpj only has to be there. */
	lpj_fine = 1000000000UL / HZ;
	r3_clockevent_start(0);
}

void __delay(unsigned long ns)
{
	u64 end = sched_clock() + ns;

	while (sched_clock() < end)
		cpu_relax();
}
EXPORT_SYMBOL(__delay);

void __ndelay(unsigned long ns)
{
	__delay(ns);
}
EXPORT_SYMBOL(__ndelay);

void __udelay(unsigned long us)
{
	__delay(us * NSEC_PER_USEC);
}
EXPORT_SYMBOL(__udelay);

/* xloops are 2^-32 seconds */
void __const_udelay(unsigned long xloops)
{
	__delay((xloops * NSEC_PER_SEC) >> 32);
}
EXPORT_SYMBOL(__const_udelay);
