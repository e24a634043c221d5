# SPDX-License-Identifier: GPL-2.0-or-later
# A server and its benchmark over TCP, without and with pipelining.
n=$(size 100000 10000 5000)
redis-server --port 6390 --save '' --daemonize no > server.log 2>&1 &
server=$!
i=0
while [ "$(redis-cli -p 6390 ping 2>/dev/null)" != PONG ] && [ $i -lt 300 ]; do
	sleep 0.1
	i=$((i + 1))
done

# rate SUFFIX OPTIONS...
rate()
{
	suffix=$1
	shift
	redis-benchmark -p 6390 -c 20 -d 32 -r 1000 -n "$n" -t set,get --csv "$@" > out 2> err
	for op in SET GET; do
		name=redis_$(echo $op | tr A-Z a-z)$suffix
		value=$(sed -n "s/^\"$op\",\"\([0-9.]*\)\".*/\1/p" out)
		keys=$(redis-cli -p 6390 dbsize)
		if [ -z "$value" ]; then
			fail "$name" 1/s "$(tail -n 2 err server.log)"
		elif [ "${keys:-0}" -lt 100 ] || [ "${keys:-0}" -gt 1000 ] ||
				[ "$(redis-cli -p 6390 strlen "$(redis-cli -p 6390 randomkey)")" != 32 ]; then
			fail "$name" 1/s "wrong result: $keys keys"
		else
			row "$name" 1/s "$value"
		fi
	done
}

rate ''
# A hundred thousand of these last a tenth of a second.
rate _pipelined -P 16 -n $((n * 10))
redis-cli -p 6390 shutdown nosave > /dev/null 2>&1
wait $server
