# SPDX-License-Identifier: GPL-2.0-or-later
# The interpreter's start, several times, and a program that only computes.
starts=$(size 20 5 1)
cat > starts <<'EOF'
i=0
while [ $i -lt $1 ]; do
	python3 -c 'import json, re, subprocess; print(json.dumps([1]))' || exit
	i=$((i + 1))
done
EOF
timed python_start "[ \$(grep -cx '\[1\]' python_start.out) = $starts ]" sh starts "$starts"
cat > cpu.py <<'EOF'
import sys
def sieve(n):
    flags = bytearray([1]) * n
    for i in range(2, int(n ** 0.5) + 1):
        if flags[i]:
            flags[i * i::i] = bytes(len(range(i * i, n, i)))
    return sum(flags) - 2
def words(n):
    count, x = {}, 1
    for _ in range(n):
        x = x * 1103515245 + 12345 & 0x7fffffff
        key = "w%d" % (x % 1000)
        count[key] = count.get(key, 0) + 1
    return len(count), sum(count.values())
def floats(n):
    x, total = 0.3, 0.0
    for _ in range(n):
        x = 3.99 * x * (1 - x)
        total += x
    return 0.4 < total / n < 0.6
n = int(sys.argv[1])
print(sieve(1000000), *words(n), floats(n))
EOF
n=$(size 5000000 500000 20000)
timed python_cpu "grep -qx '78498 1000 $n True' python_cpu.out" python3 cpu.py "$n"
