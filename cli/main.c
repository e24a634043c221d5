// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "opts.h"

static const struct subcommand subcommands[] = {
	{ "run", "start a guest: a shell in it, one command, or its own init", run_main },
	{ "ps", "list the running guests", ps_main },
	{ "exec", "run one more command in a running guest", exec_main },
	{ "cp", "copy files out of a running guest or into it", cp_main },
	{ "console", "attach to the console of a running guest", console_main },
	{ "stop", "end a running guest", stop_main },
	{ "create", "define a machine that is kept", create_main },
	{ "start", "start machines that are kept", start_main },
	{ "restart", "stop guests in the background and start them again", restart_main },
	{ "logs", "show what a guest in the background wrote", logs_main },
	{ "wait", "wait until a guest ends, for its exit status", wait_main },
	{ "rm", "remove what is kept of guests that have ended", rm_main },
	{ "up", "start the machines and networks of a file", up_main },
	{ "down", "end all that ring3 up started of a file", down_main },
	{ "status", "show what runs of a file's machines and networks", status_main },
	{ "web", "show machines and networks in a browser", web_main },
	{ "kill", "end a running guest at once, or send its command a signal", kill_main },
	{ "rename", "give a guest another name", rename_main },
	{ "systemd", "print a unit that starts a machine with the host", systemd_main },
	{ "set", "change a running guest", set_main },
	{ "stats", "show what guests use", stats_main },
	{ "top", "show what uses this host most, live", top_main },
	{ "events", "print what happens to guests", events_main },
	{ "api", "speak a guest's control protocol", api_main },
	{ "attach", "attach a disk, network card or folder to a running guest", attach_main },
	{ "detach", "take an attached device from a running guest", detach_main },
	{ "pause", "hold a running guest, and its time", pause_main },
	{ "resume", "let a paused guest go on", pause_main },
	{ "debug", "debug a running guest's kernel by gdb", debug_main },
	{ "dump", "write a running guest's memory to an ELF core file", dump_main },
	{ "kernel", "build, list and remove guest kernels", kernel_main },
	{ "kunit", "run a kernel tree's KUnit tests in a guest", kunit_main },
	{ "selftest", "run a kernel tree's selftests in a guest", selftest_main },
	{ "net", "make and manage software switches, which connect guests", net_main },
	{ "image", "make, check and change disk images", image_main },
	{ "roots", "list and remove disks that were made of archives and images", roots_main },
	{ "doctor", "check what this host offers to guests", doctor_main },
};

static void help(FILE *f)
{
	size_t i;

	fprintf(f, "Usage: ring3 SUBCOMMAND [OPTIONS]\n\n"
		"Boots a mainline Linux kernel as an ordinary process of this host.\n\nSubcommands:\n");
	for (i = 0; i < ARRAY_SIZE(subcommands); i++)
		fprintf(f, "  %-10s %s\n", subcommands[i].name, subcommands[i].help);
	fprintf(f, "\n\"ring3 SUBCOMMAND --help\" tells more about one of them.\n");
}

static int unknown(const char *word)
{
	const char *best = NULL;
	int best_distance = 3;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(subcommands); i++) {
		int d = opts_distance(word, subcommands[i].name);

		if (d < best_distance) {
			best_distance = d;
			best = subcommands[i].name;
		}
	}
	if (best)
		message("unknown subcommand %s; did you mean %s?", word, best);
	else
		message("unknown subcommand %s; \"ring3 --help\" lists them", word);
	return CLI_START;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		help(stderr);
		return CLI_START;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return CLI_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("ring3 " R3_VERSION);
		return CLI_OK;
	}
	for (i = 0; i < ARRAY_SIZE(subcommands); i++)
		if (!strcmp(argv[1], subcommands[i].name))
			return subcommands[i].main(argc - 1, argv + 1);
	return unknown(argv[1]);
}
