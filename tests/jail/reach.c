// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest kernel that wants out, and goes for what each wall of the jail is
 * for: "reached NAME" is what it got. The test says where that is:
 *
 *	tcp=PORT udp=PORT	of 127.0.0.1; the first is listened on
 *	socket=NAME		an abstract one, listened on
 *	shm=KEY			a System V segment
 *	make=PATH		a file that can be made
 */
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bare.h"

#define LOOPBACK	0x0100007f
#define FAR		0x40000000L	/* where no file of the test's reaches */
#define DESCRIPTORS	128		/* those of devices that may come, see jail_limits() */

struct in_addr_port {
	uint16_t family, port;
	uint32_t addr;
	char zero[8];
};

struct unix_addr {
	uint16_t family;
	char path[108];
};

static long number(const char *word)
{
	const char *p = bare_option(word);
	long n = 0;

	for (; p && *p >= '0' && *p <= '9'; p++)
		n = n * 10 + *p - '0';
	return n;
}

static void reached(const char *what, bool yes)
{
	if (yes)
		bare_printf("reached %s\n", what);
}

static void calls(void)
{
	long p = bare_call6(__NR_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	reached("calls", p > 0 || bare_call1(__NR_getppid, 0) >= 0);
}

static void files(void)
{
	const char *path = bare_option("make");

	reached("path", bare_call6(__NR_openat, AT_FDCWD, "/etc/passwd", O_PATH, 0, 0, 0) >= 0);
	reached("file", bare_call6(__NR_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0, 0, 0) >= 0);
	reached("new file", path && bare_call6(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0600, 0, 0) >= 0);
}

static void network(void)
{
	struct in_addr_port addr = { .family = AF_INET, .addr = LOOPBACK };
	struct unix_addr name = { .family = AF_UNIX };
	const char *s = bare_option("socket");
	size_t len = s ? strlen(s) : 0;
	long fd, port;

	memcpy(name.path + 1, s, len);
	port = number("tcp");
	addr.port = port >> 8 | port << 8;
	fd = bare_call3(__NR_socket, AF_INET, SOCK_STREAM, 0);
	reached("tcp", bare_call3(__NR_connect, fd, &addr, sizeof(addr)) == 0);
	port = number("udp");
	addr.port = port >> 8 | port << 8;
	fd = bare_call3(__NR_socket, AF_INET, SOCK_DGRAM, 0);
	reached("udp", bare_call6(__NR_sendto, fd, "", 1, 0, &addr, sizeof(addr)) == 1);
	fd = bare_call3(__NR_socket, AF_UNIX, SOCK_STREAM, 0);
	reached("socket", len && bare_call3(__NR_connect, fd, &name, offsetof(struct unix_addr, path) + 1 + len) == 0);
}

static void others(void)
{
	long ppid = bare_call1(__NR_getppid, 0);

	reached("signal", ppid > 0 && bare_call3(__NR_kill, ppid, 0, 0) == 0);
	reached("memory of others", bare_call3(__NR_shmget, number("shm"), 4096, 0) >= 0);
}

static void rights(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	reached("capabilities", !bare_call3(__NR_capget, &head, data, 0) &&
		(data[0].permitted || data[1].permitted || data[0].effective || data[1].effective));
}

static void limits(void)
{
	struct rlimit core;
	bool grew = false;
	long fd;

	reached("core dumps", !bare_call3(__NR_getrlimit, RLIMIT_CORE, &core, 0) && core.rlim_max > 1);
	for (fd = 3; fd < DESCRIPTORS; fd++)
		grew |= bare_call6(__NR_pwrite64, fd, "", 1, FAR, 0, 0) == 1;
	reached("file size", grew);
	do
		fd = bare_call1(__NR_dup, 2);
	while (fd >= 0 && fd < DESCRIPTORS);
	reached("descriptors", fd >= DESCRIPTORS);
}

void bare_main(void)
{
	calls();
	files();
	network();
	others();
	rights();
	/* Last: it takes all descriptors that there are. */
	limits();
	bare_printf("tried all\n");
}
