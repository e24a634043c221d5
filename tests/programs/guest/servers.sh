# SPDX-License-Identifier: GPL-2.0-or-later
ip link set lo up
PG=$(ls -d /usr/lib/postgresql/*/bin)
as_pg()
{
	setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/var/lib/postgresql "$@"
}

pg_start()
{
	mkdir -p /run/pg && chown postgres /run/pg && cd /run/pg &&
		as_pg $PG/initdb -D /run/pg/data -A trust -N > /run/initdb.log 2>&1 &&
		as_pg $PG/pg_ctl -D /run/pg/data -o "-k /run/pg -c shared_buffers=32MB" -w -t 60 -l /run/pg/log start
}
t "PostgreSQL: initdb and a server" pg_start

pg_bench()
{
	as_pg pgbench -h /run/pg -q -i -s 1 postgres && as_pg pgbench -h /run/pg -c 4 -j 2 -T 4 postgres > b.out || return
	cat b.out
	grep -q 'number of failed transactions: 0 ' b.out || return
	# TPC-B keeps these sums equal, whatever ran at once.
	[ "$(as_pg psql -h /run/pg -Atc 'select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)
		and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history),
		(select count(*) from pgbench_history) > 10' postgres)" = "t|t" ]
}
cd /run
t "PostgreSQL: pgbench with four clients, its books balance" pg_bench

pg_crash()
{
	as_pg psql -h /run/pg -qc "create table k(i int); insert into k select generate_series(1,50000)" postgres || return
	kill -9 $(cat /run/pg/data/postmaster.pid | head -1) $(pidof postgres)
	wait_for sh -c '! pidof postgres'
	rm -f /run/pg/data/postmaster.pid
	as_pg $PG/pg_ctl -D /run/pg/data -o "-k /run/pg" -w -t 60 -l /run/pg/log start || return
	[ "$(as_pg psql -h /run/pg -Atc 'select count(*), sum(i) from k' postgres)" = "50000|1250025000" ] &&
		as_pg $PG/pg_ctl -D /run/pg/data -w -m fast stop
}
t "PostgreSQL: kill -9, recovery, nothing lost" pg_crash

web()
{
	mkdir -p /run/www && head -c 20000000 /dev/urandom > /run/www/big && echo hello > /run/www/index.html && chmod -R a+rX /run/www || return
	cat > /run/nginx.conf <<-N
	worker_processes 2; pid /run/nginx.pid; error_log /run/nginx.log;
	events { worker_connections 512; }
	http { access_log off; sendfile on; server { listen 127.0.0.1:8080; listen [::1]:8080; root /run/www; } }
	N
	nginx -c /run/nginx.conf || return
	wait_for curl -s http://127.0.0.1:8080/
	[ "$(curl -s http://127.0.0.1:8080/)" = hello ] && [ "$(curl -s 'http://[::1]:8080/index.html')" = hello ] &&
		curl -s http://127.0.0.1:8080/big | cmp - /run/www/big &&
		curl -s -r 1000-1999 http://127.0.0.1:8080/big | cmp - <(tail -c +1001 /run/www/big | head -c 1000) &&
		[ "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/none)" = 404 ]
}
t "nginx fetched by curl: IPv4, IPv6, 20 MB by sendfile, ranges, 404" web

many()
{
	for i in 1 2 3 4 5 6 7 8; do curl -s -Z --parallel-max 10 -o /dev/null "http://127.0.0.1:8080/index.html?[1-25]" -w '%{http_code}\n' > w.$i & done
	wait
	[ "$(cat w.* | grep -c '^200$')" = 200 ] && nginx -c /run/nginx.conf -s quit && wait_for sh -c '! pidof nginx'
}
t "nginx: 200 requests at once, then it ends" many

terminal()
{
	export TMUX_TMPDIR=/run TERM=xterm
	tmux new-session -d -s s -x 80 -y 24 'sh' && tmux send-keys -t s 'stty size; echo $((6*7))' Enter || return
	wait_for sh -c 'tmux capture-pane -p -t s | grep -q "^42"' || { tmux capture-pane -p -t s; return 1; }
	tmux capture-pane -p -t s | grep -q '^24 80\|^23 80' || return
	tmux split-window -h -t s 'cat' && tmux send-keys -t s.1 'typed' Enter || return
	wait_for sh -c 'test $(tmux capture-pane -p -t s.1 | grep -c typed) = 2' || return
	tmux send-keys -t s.0 'sleep 100' Enter || return
	wait_for sh -c 'tmux display-message -p -t s.0 "#{pane_current_command}" | grep -q sleep' || return
	tmux send-keys -t s.0 C-c && tmux send-keys -t s.0 'echo int $?' Enter || return
	wait_for sh -c 'tmux capture-pane -p -t s.0 | grep -q "^int 130"' && tmux kill-server
}
t "tmux: panes, keys, window size, Ctrl-C" terminal
finish
