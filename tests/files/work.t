#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: extra
# timeout: 2400
# Real work on a shared folder, and the same on the guest's own ext4 at the same path: what comes of it is
# compared file by file. git, a build of redis (if bench/lib/fetch.sh redis has its source), PostgreSQL.
. "$(dirname "$0")/../lib.sh"
S=$T/s
mkdir "$S" "$T/in"
chmod 755 "$T" "$S"
cp "$REPO/tests/files/work.sh" "$T/in/"
REDIS=${XDG_CACHE_HOME:-$HOME/.cache}/ring3/bench/redis
[ -e "$REDIS" ] && cp "$REDIS" "$T/in/redis.tar.gz"
( cd "$T/in" && git init -q repo && cd repo && for i in $(seq 300); do mkdir -p "d$((i % 17))/e$((i % 5))"; seq $i $((i * 7)) > "d$((i % 17))/e$((i % 5))/f$i"; done
	chmod 755 d1/e1/*; ln -s ../d2 d1/link; git add . && git -c user.name=n -c user.email=e commit -qm one
	git checkout -qb other; git rm -rq d3; seq 100 > new; git add new; git -c user.name=n -c user.email=e commit -qm two; git checkout -q master 2>/dev/null || git checkout -q main )

# work NAME WHERE: what NAME made at /w, which is the share or the guest's own
work() { GUEST_TIMEOUT=1000 guest --net none --cpus 2 --mem 1G --share "$T/in:/in:ro" --share "$S:/share" -- bash /in/work.sh "$1" "$2" > "$T/$1.$2" 2> "$T/err.$1.$2"; }

both() { # NAME DESCRIPTION
	local r1 r2
	work "$1" share; r1=$?
	work "$1" own; r2=$?
	is "$r1 $r2" "0 0" "$2" || tail -5 "$T/err.$1.share" "$T/err.$1.own" | diag
	is "$(diff "$T/$1.own" "$T/$1.share" | head -20)" "" "... $(wc -l < "$T/$1.own") files, the same as on the guest's ext4"
	# On the host, by names and contents.
	is "$(cd "$S/$1" && find . -type f -not -path './.git/index' -not -path './.git/objects/*' -not -path './.git/logs/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum)" \
		"$(grep ' f ' "$T/$1.share" | sed 's/^\(.*\) f .* \([0-9a-f]*\)$/\2  \1/' | sort -k2 | sha256sum)" "... and on the host"
}
export LC_ALL=C
both git "git clone, branches, fsck, gc"
if [ -e "$T/in/redis.tar.gz" ]; then
	both redis "make -j2 of redis; it answers"
else
	skip "make -j2 of redis" "no source: bench/lib/fetch.sh redis"
fi
work pg share; r=$?
is $r 0 "PostgreSQL: initdb, pgbench, balanced books" || tail -5 "$T/pg.share" "$T/err.pg.share" | diag
work pgagain share; r=$?
is $r 0 "the next guest recovers its files, as the server was killed, and all is there" || tail -5 "$T/pgagain.share" "$T/err.pgagain.share" | diag
done_testing
