// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest's network without a guest: a network namespace whose only way out is a
 * tap device, and ring3-net at its other end. For tests that want a real TCP.
 *
 * With TAPGUEST_TIMES set it says what CPU time ring3-net took.
 *
 *	tapguest [--no-offload] [--mtu N] [RING3-NET OPTION...] -- COMMAND...
 *
 * Exit status of COMMAND; 77 if this host gives no namespaces or tap devices.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE	(12 + 65535 + 19)

static void skip(const char *what)
{
	fprintf(stderr, "host: %s: %s\n", what, strerror(errno));
	exit(77);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		skip(path);
	close(fd);
}

static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd))
		skip(cmd);
}

static int make_tap(int offload, int mtu)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), hdr = 12;

	if (fd < 0)
		skip("/dev/net/tun");
	strcpy(ifr.ifr_name, "eth0");
	if (ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETVNETHDRSZ, &hdr))
		skip("a tap device");
	if (offload && ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN))
		skip("offloads of a tap device");
	sh("ip link set lo up && ip link set eth0 mtu %d up", mtu);
	sh("ip addr add 10.0.2.15/24 dev eth0 && ip route add default via 10.0.2.2");
	sh("ip addr add fd72:696e:6733::15/64 dev eth0 nodad && ip route add default via fd72:696e:6733::2");
	return fd;
}

/* In place of the host's. */
static void own_file(const char *path, const char *text)
{
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "%s/tapguest-XXXXXX", getenv("TMPDIR") ?: "/tmp");
	fd = mkstemp(name);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, 0644) || mount(name, path, NULL, MS_BIND, NULL))
		skip(path);
	unlink(name);
	close(fd);
}

/* One direction a process, so that none waits for the other. */
static void pump(int from, int to)
{
	static char buf[MESSAGE];
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) < 0 && errno != EINVAL && errno != EIO)
			break;
	_exit(0);
}

int main(int argc, char **argv)
{
	char uids[64], gids[64], frames_fd[16], control_fd[16], hello[4096];
	int offload = 1, mtu = 65520, frames[2], control[2], i, n = 0, tap, status;
	char *net[64] = { getenv("RING3_NET"), "--frames", frames_fd, "--control", control_fd };
	struct rusage usage;
	pid_t pid, back;

	signal(SIGPIPE, SIG_IGN);
	for (n = 5, i = 1; i < argc && strcmp(argv[i], "--") && n < 62; i++) {
		if (!strcmp(argv[i], "--no-offload")) {
			offload = 0;
			continue;
		}
		if (!strcmp(argv[i], "--mtu") && i + 1 < argc)
			mtu = atoi(argv[i + 1]);
		net[n++] = argv[i];
	}
	if (i + 1 >= argc || !net[0])
		return 2;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, frames) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control))
		skip("socketpair");
	snprintf(frames_fd, sizeof(frames_fd), "%d", frames[1]);
	snprintf(control_fd, sizeof(control_fd), "%d", control[1]);
	back = fork();
	if (!back) {
		fcntl(frames[1], F_SETFD, 0);
		fcntl(control[1], F_SETFD, 0);
		execv(net[0], net);
		_exit(127);
	}
	close(frames[1]);
	close(control[1]);
	n = recv(control[0], hello, sizeof(hello) - 1, 0);
	if (n <= 0 || !memmem(hello, n, "\"ready\"", 7)) {
		fprintf(stderr, "%.*s\n", n > 0 ? n : 0, hello);
		return 1;
	}
	snprintf(uids, sizeof(uids), "0 %d 1", getuid());
	snprintf(gids, sizeof(gids), "0 %d 1", getgid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
		skip("namespaces");
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", uids);
	put("/proc/self/gid_map", gids);
	tap = make_tap(offload, mtu);
	if (!fork())
		pump(tap, frames[0]);
	if (!fork())
		pump(frames[0], tap);
	pid = fork();
	if (!pid) {
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			skip("mount");
		own_file("/etc/resolv.conf", "nameserver 10.0.2.3\n");
		own_file("/etc/hosts", "127.0.0.1 localhost\n");
		execvp(argv[i + 1], argv + i + 1);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	shutdown(control[0], SHUT_RDWR);
	wait4(back, NULL, 0, &usage);
	if (getenv("TAPGUEST_TIMES"))
		fprintf(stderr, "ring3-net: user %ld ms, system %ld ms, %ld KB\n", usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000,
			usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000, usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
