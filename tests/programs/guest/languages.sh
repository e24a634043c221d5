# SPDX-License-Identifier: GPL-2.0-or-later
cat > mp.py <<'P'
import multiprocessing as mp, os
from multiprocessing import shared_memory
def square(n): return n * n
def add(v, lock, n):
    for _ in range(n):
        with lock: v.value += 1
if __name__ == "__main__":
    with mp.Pool(4) as pool:
        assert pool.map(square, range(200)) == [n * n for n in range(200)]
    v, lock = mp.Value("l", 0, lock=False), mp.Lock()
    ps = [mp.Process(target=add, args=(v, lock, 500)) for _ in range(4)]
    [p.start() for p in ps]; [p.join() for p in ps]
    assert v.value == 2000 and all(p.exitcode == 0 for p in ps)
    ctx = mp.get_context("spawn")
    with ctx.Pool(2) as pool:
        assert sum(pool.map(square, range(10))) == 285
    s = shared_memory.SharedMemory(create=True, size=100000)
    if os.fork() == 0:
        s.buf[99999] = 7; os._exit(0)
    os.wait(); assert s.buf[99999] == 7
    s.close(); s.unlink()
P
t "python: multiprocessing by fork and by spawn, shared memory" python3 mp.py

cat > th.py <<'P'
import threading, queue, time, signal
q, out, lock = queue.Queue(), [], threading.Lock()
def worker():
    while (n := q.get()) is not None:
        with lock: out.append(n * 2)
        q.task_done()
ts = [threading.Thread(target=worker) for _ in range(8)]
[t.start() for t in ts]
[q.put(n) for n in range(5000)]
q.join()
[q.put(None) for _ in ts]; [t.join() for t in ts]
assert sorted(out) == [2 * n for n in range(5000)]
ev, t0 = threading.Event(), time.monotonic()
threading.Timer(0.2, ev.set).start()
assert ev.wait(5) and 0.19 < time.monotonic() - t0 < 3
hits = []
signal.signal(signal.SIGALRM, lambda *a: hits.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
end = time.monotonic() + 0.5
while time.monotonic() < end: pass
signal.setitimer(signal.ITIMER_REAL, 0)
assert len(hits) > 10, len(hits)
P
t "python: threads, queues, timers, signals" python3 th.py

cat > aio.py <<'P'
import asyncio, sys
async def serve(r, w):
    while line := await r.readline():
        w.write(line.upper()); await w.drain()
    w.close()
async def client(port, k):
    r, w = await asyncio.open_connection("127.0.0.1", port)
    for i in range(20):
        w.write(f"hello {k} {i}\n".encode())
        assert await r.readline() == f"HELLO {k} {i}\n".encode()
    w.close()
async def main():
    s = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = s.sockets[0].getsockname()[1]
    await asyncio.gather(*(client(port, k) for k in range(20)))
    p = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(6*7)", stdout=-1)
    assert (await p.communicate())[0] == b"42\n"
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.1); assert 0
    except asyncio.TimeoutError: pass
asyncio.run(main())
P
loopback_aio()
{
	ip link set lo up && python3 aio.py
}
t "python: asyncio sockets, subprocess, time-out" loopback_aio

cat > mm.py <<'P'
import mmap, os, ctypes, errno
with open("m", "w+b") as f:
    f.truncate(1 << 20)
    m = mmap.mmap(f.fileno(), 0)
    for i in range(0, 1 << 20, 4096): m[i:i + 4] = i.to_bytes(4, "little")
    m.flush()
    pid = os.fork()
    if pid == 0:
        m[5:6] = b"x"; os._exit(0)
    os.waitpid(pid, 0)
    assert m[5:6] == b"x"
    m.resize(1 << 21); m[-1:] = b"z"; m.close()
    f.seek(40960); assert f.read(4) == (40960).to_bytes(4, "little")
    f.seek(-1, 2); assert f.read(1) == b"z"
    p = mmap.mmap(f.fileno(), 4096, flags=mmap.MAP_PRIVATE); p[0:3] = b"abc"
    f.seek(0); assert f.read(3) != b"abc"
c = ctypes.CDLL(None, use_errno=True)
cmp = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
a = (ctypes.c_int * 100)(*[(i * 37) % 101 for i in range(100)])
c.qsort(a, 100, 4, cmp(lambda x, y: x[0] - y[0]))
assert list(a) == sorted(a)
assert c.open(b"/nonexistent", 0) == -1 and ctypes.get_errno() == errno.ENOENT
c.sqrt  # noqa
P
sed -i '/c.sqrt/d' mm.py
t "python: mmap shared, private and resized; ctypes with callbacks" python3 mm.py

perl_work()
{
	[ "$(perl -e 'my %h; $h{$_ % 97} += $_ for 1..100000; my $s = 0; $s += $h{$_} for sort keys %h; print $s')" = 5000050000 ] &&
		[ "$(perl -e '$|=1; for (1..5) { my $p = open(my $f, "-|") // die; if (!$p) { print $_*$_; exit } print <$f>; close $f }')" = 1491625 ] &&
		[ "$(perl -MSocket -e 'socketpair(A,B,AF_UNIX,SOCK_STREAM,0); if (fork) { close A; print <B> } else { close B; print A "x" x 200000; exit }' | wc -c)" = 200000 ]
}
t "perl: hashes, pipes, sockets" perl_work

git_work()
{
	git config --global user.name t && git config --global user.email t@localhost &&
	git init -q -b main one && cd one || return
	for i in $(seq 30); do
		seq $((i * 10)) > f$i && git add f$i && git commit -qm "commit $i" || return
	done
	git checkout -qb side HEAD~5 && echo x > s && git add s && git commit -qm side &&
		git checkout -q main && git merge -q --no-edit side && git gc -q && cd .. &&
		git clone -q one two && git clone -q --bare "file://$PWD/one" three.git &&
		git -C two fsck --strict && git -C three.git fsck --strict &&
		[ "$(git -C two rev-list --count HEAD)" = 32 ] && [ "$(git -C two rev-parse HEAD)" = "$(git -C three.git rev-parse HEAD)" ] &&
		diff -r -x .git one two
}
t "git: commits, merge, gc, clone by links and by pack, fsck" git_work

sqlite_work()
{
	local mode=$1 got

	got=$(sqlite3 $mode.db "pragma journal_mode=$mode;
		create table t(id integer primary key, k integer, s text); create index i on t(k);
		begin; with recursive c(x) as (select 1 union all select x+1 from c where x < 100000)
		insert into t select x, x*7919 % 100003, printf('row %d', x) from c; commit;
		begin; delete from t where id % 2 = 0; rollback;
		update t set s = s || '!' where k < 1000;
		pragma integrity_check; select count(*), sum(id), count(distinct k) from t;" | tr '\n' ' ')
	echo "$got"
	[ "$got" = "$mode ok 100000|5000050000|100000 " ]
}
t "sqlite: 100000 rows, rollback journal" sqlite_work delete
t "sqlite: 100000 rows, write-ahead log" sqlite_work wal

cat > conc.py <<'P'
import sqlite3, os
db = "c.db"
c = sqlite3.connect(db); c.execute("pragma journal_mode=wal"); c.execute("create table t(p,n)"); c.commit(); c.close()
kids = []
for p in range(4):
    pid = os.fork()
    if pid == 0:
        c = sqlite3.connect(db, timeout=60)
        for n in range(50):
            c.execute("insert into t values(?,?)", (p, n)); c.commit()
        os._exit(0)
    kids.append(pid)
assert all(os.waitpid(k, 0)[1] == 0 for k in kids)
c = sqlite3.connect(db)
assert c.execute("select count(*) from t").fetchone() == (200,) and c.execute("pragma integrity_check").fetchone() == ("ok",)
P
t "sqlite: four writers at once" python3 conc.py

archive()
{
	mkdir src && seq 200000 > src/a && head -c 3000000 /dev/urandom > src/b && ln -s a src/l &&
		tar cJf x.tar.xz src && mkdir out && tar xJf x.tar.xz -C out && diff -r src out/src &&
		rsync -a --checksum src/ copy/ && diff -r src copy && gzip -k src/a && [ "$(zcat src/a.gz | tail -1)" = 200000 ]
}
t "tar, xz, gzip, rsync keep what they are given" archive
finish
