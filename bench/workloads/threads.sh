# SPDX-License-Identifier: GPL-2.0-or-later
# Four threads that compute, on as many CPUs as there are.
case $SCALE in
smoke) row=two_threads_speedup ;;
*) row=four_threads ;;
esac
timed four_threads_compute "grep -q '\"$row\".*\"value\": [0-9]' four_threads_compute.out" \
	"$BENCH/micro" -n 1 -s 1 "$row"
