#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# PID 1 of a guest that boots twice.
echo "boot $(cat /s/count) $(stat -c %u /s/count)" >> /s/log
n=$(cat /s/count)
echo $((n + 1)) > /s/count
if [ "$n" = 0 ]; then
	echo b > /proc/sysrq-trigger
else
	echo o > /proc/sysrq-trigger
fi
sleep 10
