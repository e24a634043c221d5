// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/util.h"
#include "background.h"
#include "cli.h"
#include "machine.h"
#include "installed.h"
#include "kernels.h"
#include "message.h"
#include "net.h"
#include "netnat.h"
#include "opts.h"
#include "roots.h"
#include "run.h"
#include "values.h"
#include "weight.h"

/* Open files. */
#define FILES_NEEDED	64
#define FILES_ENOUGH	1024

/* man/ring3-run.1 has the same words; a test compares them. */
static const struct opt table[] = {
	{ "mem", 'm', "SIZE", "Memory of the guest, as 512M or 2G. It costs the host only what the guest uses. Default: 1G." },
	{ "cpus", 'c', "N[,max=M]", "CPUs of the guest, 1 to 64. With max=M it may be given up to M while it runs, by \"ring3 set --cpus\". Default: 1." },
	{ "cpu-limit", 0, "CPUS", "Processor time of this host that the guest and all that runs for it may use, in CPUs, as 1.5 or 150%. Default: none." },
	{ "cpu-weight", 0, "N", "What the guest gets of busy CPUs beside others, 1 to 10000, where 100 is usual." },
	{ "pids-limit", 0, "N", "Processes of this host that the guest and all that runs for it may have, from 32: one for each of its programs, and about a dozen. Default: none but by its memory." },
	{ "cpu-affinity", 0, "LIST", "Host CPUs for the guest and all that runs for it, as 0-3,6: the guest's first CPU stays on the first of them, the next on the next, and so on in turn. Default: those that ring3 itself may use." },
	{ "root", 'r', "PATH[,KEY=VALUE...]", "Image of the root disk, in the format that its suffix says (.qcow2, .vmdk, .vdi, .vhdx, .vhd), or by the key format=, or raw; it may have the keys rate= and iops= of --disk; or a folder, with a layer in the guest's memory over it, where / is this host's programs without what is private; or a tar archive, as PATH.tar, PATH.tar.gz and so on, or tar:PATH; or a container image, as oci:DIR[:TAG] or docker-archive:PATH[:NAME], which also says how its command runs. What the guest writes to it goes to a layer that is thrown away when the guest ends. Default: $RING3_ROOT, or /." },
	{ "root-overlay", 0, "FILE", "Keep what the guest writes to its root disk in FILE, a qcow2 image over that of --root, which stays as it is. Made if there is none." },
	{ "root-rw", 0, NULL, "Write to the root disk's image, or to the folder, itself. No other guest may use an image meanwhile." },
	{ "root-ro", 0, NULL, "Mount the root disk read-only." },
	{ "root-hide", 0, "PATH", "With --root /: keep this file or folder of the host from the guest, too. Up to 32 times." },
	{ "rootfstype", 0, "TYPE", "File system of the root disk, if it is not to be recognized." },
	{ "disk", 0, "PATH[,KEY...]", "One more disk: an image that the guest writes to, or with the key ro only reads. format= as for --root; serial=TEXT, of raw images, is a name for /dev/disk/by-id; rate=BYTES and iops=N bound what it reads and writes a second. Other formats than raw are served by qemu-storage-daemon. May be given several times." },
	{ "net", 0, "KIND[,KEY=VALUE...]", "A network card, by what it is connected to: nat, ring3's own NAT, and nat,host, from which this host is in reach; tap:NAME, a tap device; switch:NAME, a switch of \"ring3 net\"; passt, the program; socket:PATH or passt:PATH, who speaks QEMU's stream protocol there; fd:N, a descriptor. Keys for each: mac=, mtu=, and ip=, gw= and dns= for the guest's side. May be given several times; none is a guest without a network. Default: nat." },
	{ "share", 's', "HOST[:GUEST][:ro][,KEY...]", "A folder of this host in the guest, at the same path or at GUEST, which is made if it is missing; with :ro nothing in it is written to. Keys: cache=auto, by which changes made on the host are seen within a second; cache=always where nobody else writes, cache=none; uid= and gid=, as whose your files are seen (root); locks=host, by which the guest's locks are this host's too. May be given several times." },
	{ "vsock", 0, "PATH[,cid=N]", "Sockets between guest and host: programs of this host connect to the socket PATH, which is made, and write \"CONNECT PORT\" to reach a program of the guest that listens on that port of AF_VSOCK; one of the guest that connects to port PORT of cid 2 reaches whoever listens on PATH_PORT. Of a folder it is vsock.sock in it. N is the guest's own cid (3)." },
	{ "vhost-user", 0, "KIND:SOCKET[,KEY...]", "A device that a back end of yours serves, which listens on this UNIX socket: fs:SOCKET,tag=NAME, a shared folder that the guest mounts by mount -t virtiofs NAME DIRECTORY; blk:SOCKET or blk:SOCKET,ro, a disk. Either may have queues=N. The back end sees all of the guest's memory. May be given several times." },
	{ "publish", 'p', "[ADDR:]HOST:GUEST[/udp]", "Lead a port of this host, or a range as 8000-8010, into the guest. HOST 0 is a free one, which ring3 ps shows. Without ADDR, of all addresses of the host. May be given several times." },
	{ "egress", 0, "RULES", "What the guest may reach through nat: all, none, or only what a rule names: a domain as *.debian.org, an address or a network, each with a port after a colon if it is for that one only, separated by commas. Default: all." },
	{ "net-log", 0, "FILE", "Add a line of JSON to FILE for each connection through nat and for each refusal." },
	{ "net-rate", 0, "BYTES[,CONNECTIONS]", "At most so many bytes a second through nat, each way, as 10M, and so many new connections a second." },
	{ "kernel", 'k', "NAME|PATH", "Guest kernel: a name of \"ring3 kernel list\"; a kernel tree, for what was built of it last, there with make ARCH=ring3 or by \"ring3 kernel build\"; or a vmlinux. The modules of the first two come along. Default: $RING3_KERNEL, or the one that is installed." },
	{ "initrd", 0, "PATH", "Initramfs with ring3's own init. Default: $RING3_INITRD, or the one that is installed." },
	{ "modules", 0, "PATH", "Image of the kernel's modules, mounted read-only on /lib/modules/VERSION. Default: $RING3_MODULES, or those of the installed kernel." },
	{ "append", 'a', "WORDS", "Words for the kernel's command line, after those of ring3." },
	{ "init", 'i', "PATH", "Hand over to this program in the guest, as /sbin/init, with the terminal as its console." },
	{ "detach", 'd', NULL, "Return when the guest is ready: its agent answers, its network is there, COMMAND was started. The guest lives on without this terminal; its name is printed. What COMMAND and the console write goes to a log, which ring3 logs shows. Without COMMAND the guest is there for ring3 exec." },
	{ "rm", 0, NULL, "With --detach: keep nothing of the guest when it has ended, neither its log nor how it ended." },
	{ "restart", 0, "POLICY", "With --detach: what to do when the guest ends by itself: no; always; on-failure, if its exit status is not 0; on-failure:N, no more than N times in a row. It is started again with its disks as they are then, also those whose changes are thrown away at last. Default: no." },
	{ "name", 'n', "NAME", "Name for ring3 ps, exec, console and stop, and the guest's host name. Default: made from the process number." },
	{ "hostname", 0, "NAME", "What the guest calls itself. Default: its name." },
	{ "timeout", 't', "TIME", "End the guest after this many seconds, or 10m or 2h, with status 124." },
	{ "env", 'e', "NAME=VALUE", "Variable in the command's environment. May be given several times." },
	{ "cwd", 'C', "DIR", "Directory in the guest to run the command in. Default: the user's home." },
	{ "user", 'u', "UID[:GID]", "Run the command as this user. Default: root." },
	{ "entrypoint", 0, "PROGRAM", "Run this program with COMMAND as its arguments, in place of a container image's own entrypoint and command; an empty one only takes those away." },
	{ "tty", 0, NULL, "Give the command a terminal even if stdin or stdout is not a terminal." },
	{ "no-tty", 'T', NULL, "Give the command pipes even if stdin and stdout are terminals." },
	{ "verbose", 'v', NULL, "Show the kernel's messages and all else that goes to the console on stderr." },
	{ "early-console", 0, NULL, "Show the kernel's messages from its first instruction on, for ports that do not get far." },
	{ "debug", 0, NULL, "Have the guest wait before its first instruction for \"ring3 debug NAME\"." },
	{ "dump-on-panic", 0, "DIR", "Write the guest's memory to a file in DIR if its kernel panics, as \"ring3 dump\" does." },
	{ "jail", 0, "MODE", "The jail around the guest's kernel: on; require, which starts no guest where the host refuses a wall of it; off, for measurements and debugging. Default: on." },
	{ "no-pin", 0, NULL, "Let the host move the guest's CPUs freely." },
	{ "timing", 0, "FILE", "Write when the guest's first instruction, its readiness and the command's begin and end were, as JSON." },
	{ NULL }
};

#define DISK_OPTION	"disk"

static int set_disk(struct run_options *opt, const char *value, struct r3_err *err)
{
	if (opt->nr_disks == VM_MAX_DISKS)
		return err_set(err, E2BIG, "--disk can be given at most %d times", VM_MAX_DISKS);
	opt->disk[opt->nr_disks++] = value;
	return 0;
}

static int set_restart(struct run_options *opt, const char *value, struct r3_err *err)
{
	static const char failure[] = "on-failure";
	size_t n = strlen(failure);

	opt->restart_max = 0;
	if (!strcmp(value, "no"))
		opt->restart = RESTART_NO;
	else if (!strcmp(value, "always"))
		opt->restart = RESTART_ALWAYS;
	else if (!strncmp(value, failure, n) && (!value[n] || value[n] == ':'))
		opt->restart = RESTART_ON_FAILURE;
	else
		return err_set(err, EINVAL, "--restart %s: it is no, always, on-failure or on-failure:N", value);
	if (opt->restart == RESTART_ON_FAILURE && value[n])
		return value_number("restart on-failure", value + n + 1, 1, 1000000, &opt->restart_max, err);
	return 0;
}

/* "2" or "2,max=8". */
static int set_cpus(struct run_options *opt, const char *value, struct r3_err *err)
{
	static const char max[] = ",max=";
	const char *comma = strchr(value, ',');
	char first[16];

	opt->cpus_max = 0;
	if (!comma)
		return value_number("cpus", value, 1, 64, &opt->cpus, err);
	if (strncmp(comma, max, strlen(max)))
		return err_set(err, EINVAL, "--cpus %s: give N, or N,max=M", value);
	snprintf(first, sizeof(first), "%.*s", (int)(comma - value), value);
	return value_number("cpus", first, 1, 64, &opt->cpus, err) ?: value_number("cpus: max", comma + strlen(max), 1, 64, &opt->cpus_max, err);
}

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct run_options *opt = ctx;
	const struct {
		const char *name;
		const char **text;
	} texts[] = {
		{ "root", &opt->root }, { "root-overlay", &opt->root_overlay }, { "rootfstype", &opt->rootfstype }, { "kernel", &opt->kernel },
		{ "initrd", &opt->initrd }, { "modules", &opt->modules }, { "append", &opt->append },
		{ "init", &opt->init }, { "name", &opt->name }, { "hostname", &opt->hostname }, { "cwd", &opt->cwd }, { "timing", &opt->timing },
		{ "dump-on-panic", &opt->dump_on_panic },
		{ "vsock", &opt->vsock }, { "egress", &opt->net.egress }, { "net-log", &opt->net.log },
	};
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "root-rw", &opt->root_rw }, { "root-ro", &opt->root_ro }, { "verbose", &opt->verbose },
		{ "early-console", &opt->early_console }, { "no-pin", &opt->no_pin }, { "debug", &opt->debug },
		{ "detach", &opt->detach }, { "rm", &opt->rm },
	};
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!strcmp(o->name, texts[i].name)) {
			if (!*value)
				return err_set(err, EINVAL, "option --%s needs a value: --%s %s", o->name, o->name, o->arg);
			*texts[i].text = value;
			return 0;
		}
	}
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!strcmp(o->name, flags[i].name)) {
			*flags[i].flag = true;
			return 0;
		}
	}
	if (!strcmp(o->name, "entrypoint")) {
		opt->entrypoint = value;
		return 0;
	}
	if (!strcmp(o->name, "mem"))
		return value_size("mem", value, &opt->mem, err);
	if (!strcmp(o->name, "cpus"))
		return set_cpus(opt, value, err);
	if (limits_option(&opt->limits, o->name, value, &ret, err))
		return ret;
	if (!strcmp(o->name, "cpu-affinity"))
		return value_host_cpus("cpu-affinity", value, opt->host_cpus, &opt->nr_host_cpus,
				       VM_MAX_HOST_CPUS, err);
	if (!strcmp(o->name, DISK_OPTION))
		return set_disk(opt, value, err);
	if (!strcmp(o->name, "vhost-user")) {
		if (opt->nr_vhosts == VM_MAX_VHOSTS)
			return err_set(err, E2BIG, "--vhost-user can be given at most %d times", VM_MAX_VHOSTS);
		opt->vhost[opt->nr_vhosts++] = value;
		return 0;
	}
	if (!strcmp(o->name, "share")) {
		if (opt->nr_shares == VM_MAX_VHOSTS)
			return err_set(err, E2BIG, "--share can be given at most %d times", VM_MAX_VHOSTS);
		return shareopt_parse(&opt->share[opt->nr_shares++], value, err);
	}
	if (!strcmp(o->name, "root-hide")) {
		if (opt->nr_root_hide == RUN_MAX_HIDE)
			return err_set(err, E2BIG, "--root-hide can be given at most %d times", RUN_MAX_HIDE);
		opt->root_hide[opt->nr_root_hide++] = value;
		return 0;
	}
	if (!strcmp(o->name, "net"))
		return netopt_card(&opt->net, value, err);
	if (!strcmp(o->name, "publish"))
		return netopt_publish(&opt->net, value, err);
	if (!strcmp(o->name, "net-rate"))
		return netopt_rate(&opt->net, value, err);
	if (!strcmp(o->name, "restart"))
		return set_restart(opt, value, err);
	if (!strcmp(o->name, "jail"))
		return jail_mode_parse(value, &opt->jail, err);
	if (!strcmp(o->name, "timeout"))
		return value_time("timeout", value, &opt->timeout_ms, err);
	if (!strcmp(o->name, "env"))
		return value_env("env", value, opt->env, &opt->nr_env, RUN_MAX_ENV, err);
	if (!strcmp(o->name, "user")) {
		opt->with_uid = true;
		return value_user("user", value, &opt->uid, &opt->gid, err);
	}
	opt->tty = !strcmp(o->name, "tty");
	return 0;
}

static const struct opts run_opts = {
	.usage = "run [OPTIONS] [-- COMMAND [ARG...]]",
	.about = "Starts a guest and runs COMMAND in it, as root, with this stdin, stdout and\n"
		 "stderr and with its exit status; without COMMAND, a shell. When it ends, so\n"
		 "does the guest. With --init the guest's own init takes over instead.",
	.table = table,
	.more = "Ctrl-] three times within a second ends a guest that holds the terminal.\n\n"
		"Exit status: the command's; 120 the guest ended before it, 121 the guest\n"
		"kernel panicked, 122 the host failed the guest, 123 an agent protocol error,\n"
		"124 --timeout, 125 it could not be started, 126 the command cannot be\n"
		"executed, 127 command not found. With --init, 0 when powered off.",
	.set = set_option,
};

/* A kernel may be a name or a tree, which has modules of its own. */
static int find_kernel(struct run_options *opt, struct r3_err *err)
{
	const char *by_default = getenv("RING3_MODULES");
	char *vmlinux, *modules;
	int ret = opt->kernel ? kernels_resolve(opt->kernel, &vmlinux, &modules, err) : 0;

	if (ret || !opt->kernel || !vmlinux)
		return ret;
	opt->kernel = vmlinux;
	/* Those of another kernel are of no use to it. */
	if (!opt->modules || opt->modules == by_default)
		opt->modules = modules;
	return 0;
}

static int check(struct run_options *opt, struct r3_err *err)
{
	const char *installed = installed_file("vmlinux");

	if (find_kernel(opt, err))
		return err->code;
	/* Modules belong to one kernel. */
	if (!opt->modules && installed && opt->kernel && !strcmp(opt->kernel, installed))
		opt->modules = installed_file("modules.img");
	if (opt->root_rw && opt->root_ro)
		return err_set(err, EINVAL, "--root-rw and --root-ro exclude each other");
	if (opt->root_overlay && (opt->root_rw || opt->root_ro))
		return err_set(err, EINVAL, "--root-overlay and --root-%s exclude each other", opt->root_rw ? "rw" : "ro");
	if (opt->init && opt->argv)
		return err_set(err, EINVAL, "--init and a command exclude each other; start the guest with --init and use \"ring3 exec\" for the command");
	if (opt->init && opt->entrypoint)
		return err_set(err, EINVAL, "--init and --entrypoint exclude each other");
	if (opt->rm && opt->restart)
		return err_set(err, EINVAL, "--rm and --restart exclude each other");
	if (opt->hostname && !config_name_ok(opt->hostname))
		return err_set(err, EINVAL, "--hostname %s: a host's name is up to 63 letters, digits, dots and dashes, the first a letter or digit", opt->hostname);
	if (opt->dump_on_panic && access(opt->dump_on_panic, W_OK | X_OK))
		return err_set(err, errno, "--dump-on-panic: cannot write to the directory %s: %s", opt->dump_on_panic, strerror(errno));
	return (opt->vsock ? vsock_check(opt->vsock, err) : 0) ?: shareopt_check(opt->share, opt->nr_shares, err) ?: netopt_finish(&opt->net, err);
}

/* What the host's programs know of the way out, if the guest's take the same one. */
static void pass_settings(struct run_options *opt, struct run_config *cfg)
{
	struct netopt_card *nat = netopt_find(&opt->net, NETOPT_NAT);

	if (!nat && !netopt_find(&opt->net, NETOPT_PASST))
		return;
	carry_collect(&cfg->carry, nat && nat->host ? NETNAT_GATEWAY : NULL);
	carry_add(opt->env, &opt->nr_env, cfg->carry.env);
}

/* What a program must know of the terminal it is on. */
static void pass_terminal(struct run_options *opt)
{
	static char text[2][128];
	static const char *const names[] = { "TERM", "COLORTERM" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (!value || strlen(value) > 64)
			continue;
		snprintf(text[i], sizeof(text[i]), "%s=%s", names[i], value);
		memmove(opt->env + 1, opt->env, opt->nr_env * sizeof(opt->env[0]));
		opt->env[0] = text[i];
		opt->nr_env++;
	}
}

/* This process and whatever it starts: the back ends of devices as well as the monitor. */
static int keep_to_cpus(const struct run_options *opt, struct r3_err *err)
{
	cpu_set_t set;
	unsigned int i;

	if (!opt->nr_host_cpus)
		return 0;
	CPU_ZERO(&set);
	for (i = 0; i < opt->nr_host_cpus; i++)
		CPU_SET(opt->host_cpus[i], &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return err_set(err, errno, "the host does not let the guest run on the CPUs of --cpu-affinity: %s", strerror(errno));
	return 0;
}

/* Cards and what is behind them, and the guest's side of it. */
static int open_network(struct run_config *cfg, const struct run_options *opt, struct net **net, struct r3_err *err)
{
	cleanup_free char *words = NULL;

	*net = net_open(&opt->net, opt->name, &cfg->vm, err);
	if (!*net)
		return err->code;
	words = net_words(*net);
	if (!words)
		return err_set(err, ENOMEM, "no memory for the network");
	return config_finish(cfg, opt, words, err);
}

static struct background background;
static bool is_guest;

bool run_is_guest(void)
{
	return is_guest;
}

/* Words become options, and those are looked at; nothing of the host's was touched yet. */
static int take_words(struct run_options *opt, const struct opts *opts, int argc, char **argv, struct r3_err *err)
{
	bool dashes;
	int ret;

	options_init(opt);
	ret = opts_parse(opts, argc, argv, opt, &dashes, err);
	if (ret >= 0 && ret < argc) {
		opt->argv = argv + ret;
		if (!dashes)
			ret = err_set(err, EINVAL, "unexpected word %s; a command for the guest follows after --", argv[ret]);
	}
	return ret < 0 ? ret : check(opt, err);
}

/* In the guest's process: the folder, with how the machine is started again. */
static int take_folder(const struct run_options *opt, struct run_config *cfg, struct json_object *definition, struct r3_err *err)
{
	int ret;

	background.remove = opt->rm;
	background.defined = !definition;
	ret = background_take(&background, cfg->name, sizeof(cfg->name), !opt->name, err);
	background.definition = definition;
	return ret;
}

/* Guests with few devices have less than half of it open, busy back ends far more. */
static int allow_files(struct r3_err *err)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur >= FILES_ENOUGH)
		return 0;
	if (lim.rlim_max < FILES_NEEDED)
		return err_set(err, EMFILE, "the limit of open files (ulimit -n) is %llu; a guest needs %d",
			       (unsigned long long)lim.rlim_max, FILES_NEEDED);
	lim.rlim_cur = lim.rlim_max < FILES_ENOUGH ? lim.rlim_max : FILES_ENOUGH;
	setrlimit(RLIMIT_NOFILE, &lim);
	return 0;
}

/* Of --net fd: only. */
static void drop_inherited(const struct run_options *opt)
{
	int keep[VM_MAX_NETS];
	size_t n = 0;
	int i;

	for (i = 0; i < opt->net.nr_cards; i++)
		if (opt->net.card[i].kind == NETOPT_FD)
			keep[n++] = opt->net.card[i].fd;
	background_drop_inherited(keep, n);
}

/*
 * definition: what is kept of a guest in the background, NULL if that is there already.
 * Return: the exit status, or -errno if no guest was started and nobody told of it.
 */
static int run_options(struct run_options *opt, struct json_object *definition, struct r3_err *err)
{
	static struct run_config cfg;
	struct net *net = NULL;
	int ret, status;

	if (opt->detach)
		background_note_inherited();
	ret = allow_files(err);
	if (!ret)
		ret = roots_prepare(opt, err);
	if (!ret && opt->detach) {
		ret = background_fork(&background, &status, err);
		if (ret > 0)
			return status;
		is_guest = !ret;
	}
	if (ret < 0)
		return ret;
	if (!opt->detach || opt->tty > 0)
		pass_terminal(opt);
	ret = config_open(&cfg, opt, err);
	if (ret >= 0 && opt->detach)
		ret = take_folder(opt, &cfg, definition, err);
	if (ret >= 0)
		ret = keep_to_cpus(opt, err);
	if (ret >= 0)
		ret = weight_own(opt->limits.weight, err);
	if (ret >= 0)
		pass_settings(opt, &cfg);
	if (ret >= 0)
		ret = open_network(&cfg, opt, &net, err);
	if (ret >= 0 && opt->vsock) {
		cfg.vsock = vsock_open(opt->vsock, &cfg.vm, err);
		ret = cfg.vsock ? 0 : err->code;
	}
	if (ret >= 0 && opt->detach)
		drop_inherited(opt);
	if (ret >= 0)
		return machine_run(opt, &cfg, net, opt->detach ? &background : NULL);
	net_close(net);
	vsock_close(cfg.vsock);
	vhosts_close(cfg.vhosts, true);
	if (opt->detach)
		background_end(&background, CLI_START);
	return ret;
}

int run_check(int argc, char **argv, struct r3_err *err)
{
	struct run_options *opt = calloc(1, sizeof(*opt));
	int ret;

	if (!opt)
		return err_set(err, ENOMEM, "no memory for options");
	ret = take_words(opt, &run_opts, argc, argv, err);
	if (ret >= 0)
		ret = config_check(opt, err);
	/* A parsed share has text of its own, which begins with the host's path. */
	while (opt->nr_shares > 0)
		free(opt->share[--opt->nr_shares].host);
	free(opt);
	return ret;
}

int run_main(int argc, char **argv)
{
	static struct run_options opt;
	struct json_object *definition = NULL;
	struct r3_err err;
	int ret;

	stdfd_sanitize();
	ret = take_words(&opt, &run_opts, argc, argv, &err);
	if (!ret && opt.rm && !opt.detach)
		ret = err_set(&err, EINVAL, "--rm is for guests with --detach; of others nothing is kept");
	if (!ret && opt.restart && !opt.detach)
		ret = err_set(&err, EINVAL, "--restart is for guests with --detach, and those of \"ring3 create\"");
	if (!ret && opt.detach)
		definition = define_make(argc, argv, false);
	if (!ret)
		ret = run_options(&opt, definition, &err);
	if (ret < 0)
		message("%s", err.msg);
	json_object_put(definition);
	return ret < 0 ? CLI_START : ret;
}

int run_start(const char *name, struct definition *def, struct r3_err *err)
{
	static struct run_options opt;
	int ret = define_enter(def, err);

	if (!ret)
		ret = take_words(&opt, &run_opts, def->argc, def->argv, err);
	if (ret)
		return ret;
	opt.name = name;
	opt.detach = true;
	return run_options(&opt, NULL, err);
}

/* ---- create ---- */

static const struct opts create_opts = {
	.usage = "create --name NAME [OPTIONS] [-- COMMAND [ARG...]]",
	.about = "Defines a machine that is kept until \"ring3 rm\": \"ring3 start NAME\" starts it\n"
		 "in the background. Options are those of \"ring3 run\", with --restart.",
	.table = table,
	.set = set_option,
};

static int keep_definition(const char *name, struct json_object *definition, struct r3_err *err)
{
	struct definition old;
	struct kept k;
	int ret = kept_take(&k, name, err);

	if (ret)
		return ret;
	if (!k.made && !define_load(&old, k.dir, err)) {
		ret = old.created ? err_set(err, EEXIST, "there is a machine called %s already; remove it first: ring3 rm %s", name, name) : 0;
		define_free(&old);
	}
	if (!ret)
		ret = kept_put(k.dir, KEPT_DEFINITION, definition, err);
	if (!ret) {
		unlinkat(k.dir, KEPT_END, 0);
		unlinkat(k.dir, GUESTLOG_FILE, 0);
		unlinkat(k.dir, GUESTLOG_OLD, 0);
	}
	kept_release(&k, ret && k.made);
	return ret;
}

int create_main(int argc, char **argv)
{
	static struct run_options opt;
	struct json_object *definition;
	struct r3_err err;
	int ret;

	ret = take_words(&opt, &create_opts, argc, argv, &err);
	if (!ret && !opt.name)
		ret = err_set(&err, EINVAL, "a machine that is kept needs a name: ring3 %s", create_opts.usage);
	if (!ret && opt.rm)
		ret = err_set(&err, EINVAL, "--rm and create exclude each other: what is created is kept");
	if (!ret) {
		definition = define_make(argc, argv, true);
		ret = keep_definition(opt.name, definition, &err);
		json_object_put(definition);
	}
	if (ret) {
		message("%s", err.msg);
		return CLI_START;
	}
	puts(opt.name);
	return fflush(stdout) ? CLI_FAILED : CLI_OK;
}
