# SPDX-License-Identifier: GPL-2.0-or-later
spaces()
{
	[ "$(unshare -pf --mount-proc sh -c 'echo $$; ls -d /proc/[0-9]* | wc -l' | head -1)" = 1 ] &&
		[ "$(unshare -u sh -c 'hostname inner; hostname')" = inner ] && [ "$(hostname)" != inner ] &&
		[ "$(unshare -n ip -br link | wc -l)" = 1 ] && [ "$(unshare -i ipcs -q | wc -l)" -le 4 ] &&
		[ "$(setpriv --reuid=1000 --clear-groups unshare -Ur id -u)" = 0 ] &&
		[ "$(setpriv --reuid=1000 --clear-groups unshare -Urm sh -c 'mount -t tmpfs x /mnt && findmnt -no FSTYPE /mnt')" = tmpfs ] &&
		! findmnt /mnt && [ "$(unshare -Tf --boottime 100000 cut -d. -f1 /proc/uptime)" -ge 100000 ]
}
t "unshare: pid, uts, net, ipc, user, mount, time" spaces

sandboxed()
{
	[ "$(setpriv --reuid=1000 --regid=1000 --clear-groups bwrap --ro-bind / / --unshare-all --proc /proc --dev /dev --tmpfs /tmp \
		sh -c 'id -u; touch /x 2>/dev/null || echo ro; touch /tmp/x && echo rw; kill -0 '$$' 2>/dev/null || echo alone' | tr '\n' ' ')" = "1000 ro rw alone " ]
}
t "bubblewrap as a plain user" sandboxed

C=/sys/fs/cgroup/test
groups()
{
	echo "+memory +pids +cpu +io" > /sys/fs/cgroup/cgroup.subtree_control && mkdir -p $C && echo 32M > $C/memory.max && echo 5 > $C/pids.max || return
	(echo 0 > $C/cgroup.procs; exec python3 -c 'b = bytearray(100 << 20)')
	[ $? = 137 ] && grep -q '^oom_kill [1-9]' $C/memory.events || return
	(echo 0 > $C/cgroup.procs; python3 -c '
import os, time
n = 0
try:
    while n < 50:
        if os.fork() == 0: time.sleep(1); os._exit(0)
        n += 1
except BlockingIOError: pass
raise SystemExit(n)')
	[ $? = 4 ] && grep -q '^max [1-9]' $C/pids.events
}
t "cgroup v2: memory.max kills, pids.max refuses" groups
dmesg -C

throttled()
{
	mkdir -p $C.cpu && echo "20000 100000" > $C.cpu/cpu.max || return
	(echo 0 > $C.cpu/cgroup.procs; exec timeout 2 sh -c 'while :; do :; done')
	cat $C.cpu/cpu.stat
	awk '/^usage_usec/ { u = $2 } /^nr_throttled/ { n = $2 } END { exit !(u < 900000 && u > 100000 && n > 3) }' $C.cpu/cpu.stat || return
	mkdir -p $C.f && sh -c "echo 0 > $C.f/cgroup.procs; exec sleep 1000" & sleep 0.5
	echo 1 > $C.f/cgroup.freeze && wait_for grep -q 'frozen 1' $C.f/cgroup.events && echo 1 > $C.f/cgroup.kill && wait_for rmdir $C.f
}
t "cgroup v2: cpu.max throttles, freeze and kill" throttled

cat > sec.c <<'C'
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile int nr, arch;
static void on_sys(int s, siginfo_t *si, void *u) { (void)s; (void)u; nr = si->si_syscall; arch = si->si_arch; }
int main(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettid, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sync, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog p = { sizeof(f) / sizeof(*f), f };
	struct sigaction sa = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
	int st;

	sigaction(SIGSYS, &sa, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p))
		return 1;
	if (syscall(SYS_getppid) != -1 || errno != 77)
		return 2;
	syscall(SYS_gettid);
	if (nr != SYS_gettid || (unsigned)arch != AUDIT_ARCH_X86_64)
		return 3;
	if (!fork()) {
		syscall(SYS_sync);
		_exit(0);
	}
	wait(&st);
	return WIFSIGNALED(st) && WTERMSIG(st) == SIGSYS ? 0 : 4;
}
C
t "seccomp: errno, trap, kill" sh -c 'gcc -w -o sec sec.c && ./sec'

overlay()
{
	mkdir -p l u w m && echo low > l/a && echo gone > l/b && mkdir l/d && mount -t tmpfs tmpfs u && mkdir u/u u/w || return
	mount -t overlay -o lowerdir=l,upperdir=u/u,workdir=u/w o m && echo high > m/a && rm m/b && mv m/d m/e &&
		[ "$(cat l/a)" = low ] && [ "$(cat m/a)" = high ] && [ ! -e m/b ] && [ -e l/b ] && [ -c u/u/b ] && [ -d m/e ] || return
	umount m u
}
t "overlayfs on tmpfs: copy-up, whiteouts, renames" overlay

loops()
{
	modprobe loop
	truncate -s 64M disk && mke2fs -q -t ext4 disk && mkdir -p d && mount -o loop disk d && cp -r /usr/share/perl d/p && sync &&
		diff -r /usr/share/perl d/p && umount d && e2fsck -fn disk && mount -o loop,ro disk d && diff -r /usr/share/perl d/p && umount d
}
t "a file system in a file, by a loop device" loops

squashed()
{
	mksquashfs /usr/share/perl s.img -quiet -no-progress && mkdir -p s && mount -o loop s.img s && diff -r /usr/share/perl s && umount s
}
if command -v mksquashfs > /dev/null; then
	t "squashfs by a loop device" squashed
fi

small()
{
	mkdir -p tm && mount -t tmpfs -o size=1M,nr_inodes=20 tmpfs tm || return
	! head -c 2000000 /dev/zero > tm/big && [ "$(stat -c %s tm/big)" = 1048576 ] && rm tm/big && ! touch $(seq -f tm/%g 30) && umount tm
}
t "tmpfs keeps to its limits" small

cat > fds.c <<'C'
#define _GNU_SOURCE
#include <assert.h>
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#define CHECK(x) do { if (!(x)) { printf("%d: %s: %m\n", __LINE__, #x); return 1; } } while (0)
int main(void)
{
	uint64_t v;
	char buf[4096] __attribute__((aligned(8)));
	struct itimerspec it = { { 0, 10000000 }, { 0, 10000000 } };
	struct epoll_event ev = { .events = EPOLLIN }, got[4];
	struct mq_attr at = { .mq_maxmsg = 4, .mq_msgsize = 64 };
	unsigned prio;
	sigset_t set;
	struct signalfd_siginfo si;

	int e = eventfd(0, EFD_SEMAPHORE), t = timerfd_create(CLOCK_MONOTONIC, 0), ep = epoll_create1(0);
	CHECK(eventfd_write(e, 3) == 0 && eventfd_read(e, &v) == 0 && v == 1);
	CHECK(timerfd_settime(t, 0, &it, 0) == 0);
	ev.data.fd = t;
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, t, &ev) == 0);
	CHECK(epoll_wait(ep, got, 4, 5000) == 1 && got[0].data.fd == t);
	usleep(50000);
	CHECK(read(t, &v, 8) == 8 && v >= 4);

	int m = memfd_create("m", MFD_ALLOW_SEALING);
	CHECK(ftruncate(m, 8192) == 0);
	char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0), *q = mmap(0, 8192, PROT_READ, MAP_SHARED, m, 0);
	strcpy(p + 4090, "across a page");
	CHECK(!strcmp(q + 4090, "across a page"));
	CHECK(munmap(p, 8192) == 0 && munmap(q, 8192) == 0 && fcntl(m, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
	CHECK(write(m, "x", 1) < 0 && errno == EPERM && ftruncate(m, 1) < 0 && errno == EPERM);

	mkdir("watched", 0755);
	int in = inotify_init1(0);
	CHECK(inotify_add_watch(in, "watched", IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MOVED_TO) > 0);
	close(open("watched/f", O_CREAT | O_WRONLY, 0644));
	CHECK(rename("watched/f", "watched/g") == 0 && unlink("watched/g") == 0);
	uint32_t seen = 0;
	while (seen != (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE)) {
		struct pollfd pf = { in, POLLIN, 0 };
		CHECK(poll(&pf, 1, 5000) == 1);
		ssize_t len = read(in, buf, sizeof(buf));
		for (char *c = buf; c < buf + len; c += sizeof(struct inotify_event) + ((struct inotify_event *)c)->len)
			seen |= ((struct inotify_event *)c)->mask;
	}

	mqd_t mq = mq_open("/q", O_CREAT | O_RDWR, 0600, &at);
	CHECK(mq != (mqd_t)-1);
	CHECK(mq_send(mq, "low", 4, 1) == 0 && mq_send(mq, "high", 5, 9) == 0);
	CHECK(mq_receive(mq, buf, 64, &prio) == 5 && prio == 9 && !strcmp(buf, "high"));
	if (!fork()) {
		usleep(50000);
		mq_send(mq, "child", 6, 1);
		_exit(0);
	}
	CHECK(mq_receive(mq, buf, 64, &prio) == 4 && mq_receive(mq, buf, 64, &prio) == 6 && !strcmp(buf, "child"));
	wait(0);
	CHECK(mq_unlink("/q") == 0);

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, 0);
	int sf = signalfd(-1, &set, 0);
	CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 42 }) == 0);
	CHECK(read(sf, &si, sizeof(si)) == sizeof(si) && si.ssi_signo == SIGUSR1 && si.ssi_int == 42);
	return 0;
}
C
t "eventfd, timerfd, epoll, memfd with seals, inotify, mqueue, signalfd" sh -c 'gcc -w -o fds fds.c -lrt && ./fds'

cat > uring.c <<'C'
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#define CHECK(x) do { if (!(x)) { printf("%d: %s: %m\n", __LINE__, #x); return 1; } } while (0)
#define N 64
static char out[N][4096], in[N][4096];
static struct io_uring_params p;
static char *sq, *cq;
static struct io_uring_sqe *sqe;
static int fd, ring;
static int round_trip(int op, char bufs[][4096])
{
	unsigned *tail = (unsigned *)(sq + p.sq_off.tail), mask = *(unsigned *)(sq + p.sq_off.ring_mask);
	unsigned *array = (unsigned *)(sq + p.sq_off.array), t = *tail, seen = 0;

	for (int i = 0; i < N; i++, t++) {
		struct io_uring_sqe *s = &sqe[t & mask];

		memset(s, 0, sizeof(*s));
		s->opcode = op;
		s->fd = fd;
		s->addr = (unsigned long)bufs[i];
		s->len = 4096;
		s->off = (N - 1 - i) * 4096L;
		s->user_data = i;
		array[t & mask] = t & mask;
	}
	__atomic_store_n(tail, t, __ATOMIC_RELEASE);
	CHECK(syscall(SYS_io_uring_enter, ring, N, N, IORING_ENTER_GETEVENTS, 0, 0) == N);
	unsigned *head = (unsigned *)(cq + p.cq_off.head), cmask = *(unsigned *)(cq + p.cq_off.ring_mask), h = *head;
	struct io_uring_cqe *c = (void *)(cq + p.cq_off.cqes);

	for (; h != __atomic_load_n((unsigned *)(cq + p.cq_off.tail), __ATOMIC_ACQUIRE); h++, seen++)
		CHECK(c[h & cmask].res == 4096);
	__atomic_store_n(head, h, __ATOMIC_RELEASE);
	CHECK(seen == N);
	return 0;
}
int main(void)
{
	ring = syscall(SYS_io_uring_setup, N, &p);
	CHECK(ring >= 0);
	sq = mmap(0, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqe = mmap(0, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	CHECK(sq != MAP_FAILED && cq != MAP_FAILED && (void *)sqe != MAP_FAILED);
	fd = open("uring.data", O_CREAT | O_RDWR | O_TRUNC, 0644);
	for (int i = 0; i < N; i++)
		memset(out[i], i + 1, 4096);
	if (round_trip(IORING_OP_WRITE, out) || round_trip(IORING_OP_READ, in))
		return 1;
	CHECK(!memcmp(in, out, sizeof(in)));
	char b;
	CHECK(pread(fd, &b, 1, 0) == 1 && b == N);
	return 0;
}
C
t "io_uring: 64 writes, then 64 reads" sh -c 'gcc -w -o uring uring.c && ./uring'

cat > sysv.py <<'P'
import ctypes, os, fcntl
c = ctypes.CDLL(None, use_errno=True)
c.shmat.restype = ctypes.c_void_p; c.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
i = c.shmget(0, 8192, 0o1600); a = c.shmat(i, None, 0)
q = c.msgget(0, 0o1600); s = c.semget(0, 1, 0o1600)
if os.fork() == 0:
    ctypes.memmove(a + 5000, b"shared", 6)
    c.msgsnd(q, b"\1\0\0\0\0\0\0\0msg", 3, 0)
    c.semop(s, b"\0\0\2\0\0\0", 1); os._exit(0)
c.semop(s, b"\0\0\xfe\xff\0\0", 1)
assert ctypes.string_at(a + 5000, 6) == b"shared"
b = ctypes.create_string_buffer(100); assert c.msgrcv(q, b, 90, 0, 0) == 3 and b.raw[8:11] == b"msg"
os.wait()
f = open("lk", "w"); fcntl.lockf(f, fcntl.LOCK_EX)
if os.fork() == 0:
    g = open("lk", "w")
    try: fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError: os._exit(3)
    os._exit(0)
assert os.wait()[1] == 3 << 8
P
t "System V memory, queues, semaphores; file locks" python3 sysv.py

xattrs()
{
	touch x && python3 -c 'import os; os.setxattr("x", "user.a", b"1"); os.setxattr("x", "trusted.b", b"2"); assert sorted(os.listxattr("x")) == ["trusted.b", "user.a"]' &&
		truncate -s 1G sparse && [ "$(du -k sparse | cut -f1)" -lt 100 ] && echo end >> sparse && [ "$(tail -c 4 sparse)" = end ] &&
		fallocate -l 1M fa && fallocate -p -o 4096 -l 8192 fa && ln -s nowhere dangling && [ -L dangling ] && chattr +i x && ! rm -f x && chattr -i x
}
t "ext4: attributes, sparse files, holes" xattrs

# bash may take note of the stop late, natively too, and wait -f then ends with that (147).
suspended()
{
	bash -c 'set -m; sleep 1000 & kill -STOP $!; for i in $(seq 50); do grep -q "State:.T" /proc/$!/status && break; sleep 0.1; done
		grep -q "State:.T" /proc/$!/status && kill -CONT $! && kill $!; while wait -f $!; r=$?; [ $r = 147 ]; do :; done; [ $r = 143 ]'
}
t "stop, continue and terminate a job" suspended
finish
