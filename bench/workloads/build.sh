# SPDX-License-Identifier: GPL-2.0-or-later
# A real C program of 190,000 lines: redis, its libraries and tools, with make -j2.
tar xzf "$BENCH/redis.tar.gz" && cd redis-* || exit
case $SCALE in
full)
	timed build_j2 'src/redis-server --version | grep -q "^Redis server"' make -j2 MALLOC=libc OPTIMIZATION=-O1 ;;
*)
	timed build_j2 'deps/lua/src/lua -v 2>&1 | grep -q "^Lua 5.1"' make -j2 -C deps lua ;;
esac
cd "$WORK" || exit
