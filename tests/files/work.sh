# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's part of work.t: work.sh NAME share|own. Prints what came of it, a line a file.
set -e
name=$1
mkdir -p /w
case $2 in
share)	mkdir -p "/share/${name%again}"; mount --bind "/share/${name%again}" /w ;;
own)	mkdir -p /var/tmp/own; mount --bind /var/tmp/own /w; [ "$(stat -f -c %T /w)" = ext2/ext3 ] ;;
esac
cd /w

# Names, types, modes, owners, sizes, links and contents; what differs in each run is left out.
listing()
{
	find . -mindepth 1 -not -path './.git/index' "$@" -printf '%P %y %m %U:%G %n %l\n' | while read -r file type rest; do
		case $type in
		f)	echo "./$file f $rest $(stat -c %s "$file") $(sha256sum < "$file" | cut -d' ' -f1)" ;;
		*)	echo "./$file $type $rest" ;;
		esac
	done | sort
}

pg() { setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/tmp "$@"; }
ask() { pg "$bin/psql" -h /tmp -U postgres -qAt -c "$1" postgres; }
balanced() { [ "$(ask 'select (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers) and (select sum(bbalance) from pgbench_branches) = (select coalesce(sum(delta), 0) from pgbench_history)')" = t ]; }
for bin in /usr/lib/postgresql/*/bin; do :; done
start_pg() { pg "$bin/pg_ctl" -D /w/pg -w -t 120 -l /w/pg.log -o "-k /tmp -c listen_addresses=" start >&2; }

case $name in
git)
	git config --global safe.directory '*'
	git clone -q --no-hardlinks /in/repo .
	git checkout -q other
	git checkout -q -
	git status --porcelain
	git gc -q
	git fsck --strict >&2
	# Packs differ from run to run by threads, logs by the time.
	listing -not -path './.git/objects/*' -not -path './.git/logs/*' ;;
redis)
	tar xzf /in/redis.tar.gz --strip-components=1
	make -j2 MALLOC=libc OPTIMIZATION=-O1 >&2
	src/redis-server --port 0 --unixsocket /tmp/redis --daemonize yes --dir /tmp >&2
	for i in $(seq 50); do [ "$(src/redis-cli -s /tmp/redis ping)" != PONG ] || break; sleep 0.2; done
	[ "$(src/redis-cli -s /tmp/redis ping)" = PONG ]
	# These have the time of the build in them.
	rm -f src/release.* src/redis-* ; find . -name '*.a' -delete
	listing ;;
pg)
	chmod 777 /w
	pg "$bin/initdb" -D /w/pg -A trust -U postgres >&2
	start_pg
	pg "$bin/pgbench" -h /tmp -U postgres -q -i -s 2 postgres >&2
	pg "$bin/pgbench" -h /tmp -U postgres -n -c 4 -j 2 -T 10 postgres >&2
	balanced
	ask 'select count(*) from pgbench_history' > /w/count
	[ "$(cat /w/count)" -gt 0 ]
	kill -9 "$(head -1 /w/pg/postmaster.pid)" ;;
pgagain)
	rm -f /w/pg/postmaster.pid
	start_pg
	balanced
	[ "$(ask 'select count(*) from pgbench_history')" = "$(cat /w/count)" ]
	pg "$bin/pg_ctl" -D /w/pg -w -m fast stop >&2 ;;
esac
