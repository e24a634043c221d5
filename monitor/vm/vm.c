// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One guest from its parts: RAM, image, devices, zygote, vCPUs; then this
 * thread waits for what ends the guest.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>

#include <ring3/boot.h>
#include <ring3/layout.h>

#include "base/log.h"
#include "base/mutation.h"
#include "base/util.h"
#include "jail/jail.h"
#include "loader/loader.h"
#include "vcpu/vcpu.h"
#include "vcpu/zygote.h"
#include "vm/clock.h"
#include "vm/devs.h"
#include "vm/files.h"
#include "vm/host.h"
#include "vm/ops.h"
#include "vm/slots.h"
#include "vm/vm.h"

#define PAGE		4096UL
#define DRAIN_MS	5000	/* how long output of an ended guest may take to leave */

struct vm {
	const struct vm_config *cfg;
	struct guest_mem mem;
	struct r3_boot *boot;
	struct r3_image_header image;
	struct devs devs;
	struct slots slots;
	struct zygote zygote;
	struct vcpus vcpus;
	struct jail jail;
	int exit_fd;			/* as in the boot block, which is the guest's to write */
	bool devs_started;
};

static int map_ram(struct vm *vm, struct r3_err *err)
{
	uint64_t size = vm->cfg->mem & ~(PAGE - 1);
	int fd, ret;
	void *p;

	if (size > R3_DIRECT_SIZE)
		return err_set(err, -EINVAL, "%" PRIu64 " GiB of memory are more than a guest can have (%lu GiB): give less with --mem", size >> 30, R3_DIRECT_SIZE >> 30);
	fd = vm->cfg->ram_fd >= 0 ? vm->cfg->ram_fd : memfd_create("ring3-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(err, -errno, "cannot create guest memory: %s", strerror(errno));
	if (ftruncate(fd, size)) {
		ret = -errno;
		close(fd);
		return err_set(err, ret, "cannot create %" PRIu64 " MiB of guest memory: %s. Give the guest less with --mem%s", size >> 20, strerror(-ret),
			       ret == -EFBIG ? ", or raise the limit of file sizes (ulimit -f)" : "");
	}
	/* Nobody, the guest kernel included, may cut it off under the devices. */
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	p = mmap((void *)R3_DIRECT_BASE, size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, 0);
	if (p != (void *)R3_DIRECT_BASE) {
		ret = p == MAP_FAILED ? -errno : -EEXIST;
		close(fd);
		return err_set(err, ret, "cannot map guest memory at %#lx: %s. Give the guest less with --mem, or raise the limit of address space (ulimit -v)", R3_DIRECT_BASE, strerror(-ret));
	}
	vm->mem = (struct guest_mem) { .base = p, .size = size, .fd = fd };
	return 0;
}

/* Boot block, then a page a device, then the zygote's page, in one region. */
static int map_shared(struct vm *vm, struct r3_err *err)
{
	size_t boot_size = (sizeof(struct r3_boot) + PAGE - 1) & ~(PAGE - 1);
	size_t dev_size = R3_VDEV_MAX * PAGE;
	size_t zygote_size = (sizeof(struct r3_zygote) + PAGE - 1) & ~(PAGE - 1);
	uint64_t at = R3_SHARED_BASE;
	void *p;

	p = mmap((void *)at, boot_size + dev_size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != (void *)at)
		return err_set(err, -ENOMEM, "cannot map the boot block at %#" PRIx64, at);
	vm->boot = p;
	vm->boot->vdevs = at + boot_size;
	at += boot_size + dev_size;

	vm->zygote.page_fd = memfd_create("ring3-zygote", MFD_CLOEXEC);
	if (vm->zygote.page_fd < 0 || ftruncate(vm->zygote.page_fd, zygote_size))
		return err_set(err, -errno, "cannot create the zygote's page: %s", strerror(errno));
	p = mmap((void *)at, zygote_size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED_NOREPLACE, vm->zygote.page_fd, 0);
	if (p != (void *)at)
		return err_set(err, -ENOMEM, "cannot map the zygote's page at %#" PRIx64, at);
	vm->zygote.page = p;
	vm->zygote.boot = vm->boot;
	vm->boot->zygote = at;
	return 0;
}

static int fill_boot(struct vm *vm, struct r3_err *err)
{
	const struct vm_config *cfg = vm->cfg;
	struct r3_boot *boot = vm->boot;
	unsigned int i;

	boot->magic = R3_BOOT_MAGIC;
	boot->version = R3_ABI_VERSION;
	boot->size = sizeof(*boot);
	boot->nr_cpus = cfg->cpus;
	boot->ram_size = vm->mem.size;
	boot->ram_fd = vm->mem.fd;
	boot->pid = getpid();
	boot->console_fd = cfg->early_console_fd;
	boot->has_fsgsbase = 1;
	vm->exit_fd = boot->exit_fd = event_create();
	if (boot->exit_fd < 0)
		return err_set(err, boot->exit_fd, "no descriptor for an eventfd: %s; raise the limit of open files (ulimit -n)", strerror(-boot->exit_fd));
	for (i = 0; i < cfg->cpus; i++) {
		boot->vcpu[i].ack_fd = event_create();
		boot->vcpu[i].space_ack_fd = R3_SPACE_ACK_FD + i;
		if (boot->vcpu[i].ack_fd < 0)
			return err_set(err, boot->vcpu[i].ack_fd, "no descriptor for an eventfd: %s; raise the limit of open files (ulimit -n)", strerror(-boot->vcpu[i].ack_fd));
	}
	if (getrandom(boot->seed, sizeof(boot->seed), 0) != sizeof(boot->seed))
		return err_set(err, -EIO, "the host has no random bytes");
	snprintf(boot->cmdline, sizeof(boot->cmdline), "%s", cfg->cmdline);
	boot->tsc_khz = clock_tsc_khz();
	boot->host_vdso_gettime = clock_vdso_gettime();
	return 0;
}

static int load(struct vm *vm, struct r3_err *err)
{
	const struct vm_config *cfg = vm->cfg;
	uint64_t gpa = 0, size = 0;
	int ret = load_kernel(cfg->kernel_fd, cfg->kernel_path, &vm->mem, &vm->image, err);

	if (!ret && cfg->initrd_fd >= 0)
		ret = load_initrd(cfg->initrd_fd, &vm->mem,
				  R3_IMAGE_GPA + vm->image.image_size, &gpa, &size, err);
	vm->boot->initrd_gpa = gpa;
	vm->boot->initrd_size = size;
	return ret;
}

static void raise_device(void *opaque, unsigned int index)
{
	struct vm *vm = opaque;

	if (!(atomic_or(vm->boot->dev_pending, 1ULL << index) & (1ULL << index)))
		vcpu_post(vm->boot, 0, R3_PEND_DEVICE);
}

static void enter_device(void *opaque, const char *kind, int socket)
{
	struct vm *vm = opaque;

	jail_enter(&vm->jail, kind, socket);
}

static void enter_vcpu(void *opaque)
{
	struct vm *vm = opaque;

	jail_enter(&vm->jail, "vcpu", -1);
}

static volatile sig_atomic_t told_to_end;

static void on_signal(int sig)
{
	if (sig == SIGTERM)
		told_to_end = 1;
}

/*
 * Only wait_for_end() lets them in. A signalfd would be simpler, but who waits for
 * one is woken by each signal to any thread: by every interrupt of every vCPU.
 */
static void watch_signals(void)
{
	/* Spaces that are stopped for a while are nothing to reap. */
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_NOCLDSTOP };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGCHLD, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/*
 * A vCPU and the guest threads that run its user code hand over to each other
 * all the time: on one host CPU that needs no wake-up of another.
 */
static void place_vcpus(struct vm *vm)
{
	const struct vm_config *cfg = vm->cfg;
	unsigned int i, n = 0, first = 0, list[R3_MAX_HOST_CPU + 1];
	cpu_set_t set;

	_Static_assert(VM_MAX_HOST_CPUS == R3_MAX_HOST_CPU + 1, "what a space can be told");

	if (cfg->nr_host_cpus) {
		for (n = 0; n < cfg->nr_host_cpus; n++)
			list[n] = cfg->host_cpu[n];
	} else if (!sched_getaffinity(0, sizeof(set), &set)) {
		for (i = 0; i <= R3_MAX_HOST_CPU; i++)
			if (CPU_ISSET(i, &set))
				list[n++] = i;
		/* Guests that start one after the other spread over the CPUs. */
		first = getpid();
	}
	if (!cfg->pin)
		n = 0;
	for (i = 0; i < cfg->cpus; i++) {
		struct r3_vcpu *vcpu = &vm->boot->vcpu[i];

		vcpu->host_cpu = n ? (int)list[(first + i) % n] : -1;
		vcpu->spare_cpu = n >= 2 * cfg->cpus ? (int)list[(first + cfg->cpus + i) % n] : -1;
	}
}

static int start_zygote(struct vm *vm, struct r3_err *err)
{
	cpu_set_t all, one;
	int ret;

	vm->zygote.pin_signals = vm->jail.mode != JAIL_OFF && vm->jail.report.wall[JAIL_LANDLOCK_SCOPE];
	vm->zygote.own_user_ns = vm->jail.mode != JAIL_OFF && !vm->jail.report.wall[JAIL_USER_NS] && !MUTATION_JAIL_NAMESPACES;
	vm->zygote.ram_size = vm->mem.size;
	if (vm->cfg->cpus > 1 || vm->boot->vcpu[0].host_cpu < 0)
		return zygote_start(&vm->zygote, err);
	/* Managers inherit the zygote's affinity: they stay with the only vCPU. */
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(vm->boot->vcpu[0].host_cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	ret = zygote_start(&vm->zygote, err);
	sched_setaffinity(0, sizeof(all), &all);
	return ret;
}

static void jail_values(struct vm *vm)
{
	uint64_t *value = vm->jail.value;

	value[JAIL_VALUE_PID] = getpid();
	value[JAIL_VALUE_RAM_FD] = vm->mem.fd;
	value[JAIL_VALUE_RAM_LAST] = vm->mem.size - PAGE;
	value[JAIL_VALUE_IMAGE_MAX] = files_max(vm->cfg, false);
}

/* From the parent, or the end of it. */
static void wait_for_byte(int fd)
{
	char byte;

	while (fd >= 0 && read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

static int close_jail(struct vm *vm, struct r3_err *err)
{
	char text[512];
	uint64_t file_max;
	unsigned int threads = vm->devs.nr + vm->slots.nr + vm->cfg->cpus;
	int ret = jail_wait(&vm->jail, threads, err);

	if (ret)
		return ret;
	file_max = files_max(vm->cfg, true);
	files_close(vm->cfg);
	close(vm->zygote.page_fd);
	jail_limits(&vm->jail, file_max, vm->slots.nr * SLOT_FDS);
	jail_enter(&vm->jail, "control", vm->cfg->channel_fd);
	ret = jail_wait(&vm->jail, threads + 1, err);
	if (ret)
		return ret;
	if (vm->jail.mode == JAIL_OFF)
		log_warn("the jail is off (--jail=off): whoever takes the guest's kernel over can do all that this user can");
	else if (jail_missing(&vm->jail.report, false, text, sizeof(text)))
		log_warn("%s", text);
	wait_for_byte(vm->cfg->start_fd);
	vcpus_run(&vm->vcpus);
	return 0;
}

static int start(struct vm *vm, struct r3_err *err)
{
	struct dev_bus bus = { .raise = raise_device, .enter = enter_device, .opaque = vm };
	int ret;

	vm->vcpus = (struct vcpus) {
		.boot = vm->boot, .image = &vm->image, .nr = vm->cfg->cpus,
		.enter = enter_vcpu, .opaque = vm,
	};
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
	place_vcpus(vm);
	ret = start_zygote(vm, err);
	if (ret)
		return ret;
	jail_values(vm);
	ret = devs_start(&vm->devs, vm->cfg, &vm->mem, vm->boot, &bus, err);
	if (ret)
		return ret;
	vm->devs_started = true;
	/* Nobody could ask for one. */
	if (vm->cfg->channel_fd >= 0)
		ret = slots_start(&vm->slots, vm->devs.nr, &vm->mem, vm->boot, &bus, err);
	if (ret)
		return ret;
	ret = vcpus_start(&vm->vcpus, err);
	if (ret)
		return ret;
	return close_jail(vm, err);
}

static enum vm_exit guest_exit(struct vm *vm, struct r3_err *err)
{
	switch (vm->boot->exit_reason) {
	case R3_EXIT_POWEROFF:
	case R3_EXIT_HALT:
		return VM_EXIT_POWEROFF;
	case R3_EXIT_REBOOT:
		return VM_EXIT_REBOOT;
	case R3_EXIT_PANIC:
		return VM_EXIT_PANIC;
	}
	err_set(err, -EIO, "the guest ended without saying why");
	return VM_EXIT_HOST;
}

static enum vm_exit wait_for_end(struct vm *vm, struct r3_err *err)
{
	struct ops ops = { .cfg = vm->cfg, .mem = &vm->mem, .boot = vm->boot, .devs = &vm->devs, .slots = &vm->slots };
	struct pollfd pfd[3] = {
		{ .fd = vm->exit_fd, .events = POLLIN },
		{ .fd = vm->zygote.fail_fd, .events = POLLIN },
		{ .fd = vm->cfg->channel_fd, .events = POLLIN },
	};
	sigset_t waiting;

	sigprocmask(SIG_SETMASK, NULL, &waiting);
	sigdelset(&waiting, SIGCHLD);
	sigdelset(&waiting, SIGTERM);
	for (;;) {
		if (ppoll(pfd, 3, NULL, &waiting) < 0) {
			if (told_to_end) {
				told_to_end = 0;
				write_once(vm->boot->power_request, R3_POWER_DOWN);
				vcpu_post(vm->boot, 0, R3_PEND_POWER);
			}
			if (zygote_reap(&vm->zygote)) {
				err_set(err, -ECHILD, "the host ended the guest's zygote process: the guest cannot go on");
				return VM_EXIT_HOST;
			}
			continue;
		}
		if (pfd[0].revents) {
			enum vm_exit why = guest_exit(vm, err);

			/* While the parent looks at its memory. */
			if (why == VM_EXIT_PANIC && vm->cfg->panic_fd >= 0) {
				write_full(vm->cfg->panic_fd, "", 1);
				wait_for_byte(vm->cfg->panic_fd);
			}
			return why;
		}
		if (pfd[1].revents)
			zygote_failed(&vm->zygote);
		if (pfd[2].revents && !ops_serve(&ops, vm->cfg->channel_fd))
			pfd[2].fd = -1;
	}
}

int vm_main(const struct vm_config *cfg, struct r3_err *err)
{
	struct vm vm = { .cfg = cfg };
	enum vm_exit ret;

	log_open(2, "ring3");
	prctl(PR_SET_NAME, "ring3-monitor");
	if (cfg->traceable)
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (host_fsgsbase(getauxval(AT_HWCAP2), err) || jail_process(&vm.jail, cfg->jail, err) ||
	    map_ram(&vm, err) || map_shared(&vm, err) || fill_boot(&vm, err) ||
	    load(&vm, err))
		return VM_EXIT_CONFIG;
	watch_signals();
	if (start(&vm, err)) {
		ret = VM_EXIT_CONFIG;
		goto out;
	}
	ret = wait_for_end(&vm, err);
out:
	/* The vCPUs have ended by themselves or end with this process. */
	slots_stop(&vm.slots, DRAIN_MS);
	if (vm.devs_started)
		devs_stop(&vm.devs, DRAIN_MS);
	zygote_end(&vm.zygote);
	return ret;
}
