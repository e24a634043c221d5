# SPDX-License-Identifier: GPL-2.0-or-later
# PostgreSQL with fsync, four clients over a UNIX socket: reads alone, then its
# own mix of updates.
# Debian's gVisor has no statx for ls.
for bin in /usr/lib/postgresql/*/bin; do :; done
seconds=$(size 10 3 2)
pg() { as postgres "$@"; }
ask() { pg "$bin/psql" -h "$WORK/pg" -U postgres -qAt -c "$1"; }

# rate NAME OPTIONS...
rate()
{
	name=$1
	shift
	pg "$bin/pgbench" -h "$WORK/pg" -U postgres -n -c 4 -j 2 -T "$seconds" "$@" postgres > out 2> err
	tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' out)
	if [ -z "$tps" ] || ! grep -q '^number of failed transactions: 0 ' out; then
		fail "$name" 1/s "$(tail -n 2 out err)"
	elif [ "$(ask 'select (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers)
			and (select sum(bbalance) from pgbench_branches) = (select coalesce(sum(delta), 0) from pgbench_history)')" != t ]; then
		fail "$name" 1/s 'wrong result: the books do not balance'
	else
		row "$name" 1/s "$tps"
	fi
}

timed initdb '[ -e pg/PG_VERSION ]' setpriv --reuid=postgres --regid=postgres --clear-groups \
	"$bin/initdb" -D "$WORK/pg" -A trust -U postgres
if pg "$bin/pg_ctl" -D "$WORK/pg" -w -t 120 -l "$WORK/pg.log" \
		-o "-k $WORK/pg -c listen_addresses=" start > start.out 2>&1 &&
	pg "$bin/pgbench" -h "$WORK/pg" -U postgres -q -i -s "$(size 5 2 1)" postgres > init.out 2>&1; then
	rate pgbench_select -S
	rate pgbench_tpcb
else
	fail pgbench_select 1/s "$(tail -n 3 start.out pg.log init.out 2>/dev/null)"
fi
pg "$bin/pg_ctl" -D "$WORK/pg" -m immediate stop > /dev/null 2>&1
