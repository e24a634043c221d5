# SPDX-License-Identifier: GPL-2.0-or-later
# Ten thousand files: git status, and the tar archive of them.
n=$(size 10000 1000 100)
mkdir tree && awk -v n="$n" 'BEGIN {
	for (i = 0; i < n; i++)
		printf "tree/d%d/f%d\n", i / 100, i
}' > names
for d in $(sed 's,/[^/]*$,,' names | uniq); do mkdir "$d"; done
awk '{ line = $0; for (i = 0; i < 6; i++) line = line "\n" line; print line > $0; close($0) }' names
tar cf tree.tar tree

git config --global user.name bench
git config --global user.email bench@example.org
git -C tree init -q && git -C tree add . && git -C tree commit -q -m all || fail git_status s 'git commit failed'
sleep 1
for f in $(head -n 10 names); do echo more >> "$f"; done
cat > status <<'EOF'
for i in 1 2 3 4 5; do git -C tree status --porcelain || exit; done
EOF
timed git_status '[ $(grep -c "^ M d0/f" git_status.out) = 50 ] && [ $(wc -l < git_status.out) = 50 ]' sh status
rm -rf tree

timed untar "[ \$(find tree -type f | wc -l) = $n ] && grep -q /f7 tree/d0/f7" tar xf tree.tar
timed remove '[ ! -e tree ]' rm -r tree
