# SPDX-License-Identifier: GPL-2.0-or-later
# A script of 2,000 short commands, ten a turn, each a process.
turns=$(size 200 20 2)
cat > script <<'EOF'
i=0
while [ $i -lt $1 ]; do
	/bin/true
	/bin/echo "line $i" > f
	cat f > g
	cp g h
	i=$(expr $i + 1)
	sed s/line/row/ h > k
	cut -d' ' -f1 k > l
	basename /some/path/$i > m
	mv m n
	rm f g h k l
done
echo $i $(cat n)
EOF
timed shell_script "[ \"\$(cat shell_script.out)\" = '$turns $turns' ]" sh script "$turns"
