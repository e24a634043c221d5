# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's archive, for an apt with its own state under DIR: needs neither root
# nor a Debian host's own package lists. To be sourced.

SUITE=bookworm

# apt_sources: the host's own mirrors of the suite, else Debian's.
apt_sources()
{
	local own

	own=$(apt-get indextargets --format 'X$(CREATED_BY) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 2>/dev/null |
		sed -n 's/^XPackages //p' |
		grep -E "debian[a-z-]*/? $SUITE(-updates|-security)? main\$" | sort -u)
	if [[ $own == *" $SUITE main"* ]]; then
		printf '%s\n' "$own"
	else
		printf 'deb http://deb.debian.org/debian %s main\n' "$SUITE" "$SUITE-updates"
		printf 'deb http://deb.debian.org/debian-security %s-security main\n' "$SUITE"
	fi
}

# security_source: Debian's own for the suite's fixes, where newer kernels are,
# unless the host's apt has one.
security_source()
{
	apt_sources | grep -q " $SUITE-security main\$" ||
		printf 'deb http://deb.debian.org/debian-security %s-security main\n' "$SUITE"
}

# apt_options: how the host's apt reaches its mirrors, one option a line
apt_options()
{
	apt-config dump 2>/dev/null |
		grep -E '^Acquire::((http|https)::(Proxy|Proxy-Auto-Detect|Timeout)[: ]|Check-(Valid-Until|Date) |Retries )' |
		sed 's/;$//'
}

# debian_apt DIR COMMAND...: apt-get with its state in DIR/apt, lists updated, in DIR;
# its own words go to DIR/log.
debian_apt()
{
	local apt=$1/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/etc" || return
	{ apt_sources; security_source; } | sed "s|^deb |deb [signed-by=$keyring] |; p; s|^deb |deb-src |" > "$apt/sources.list"
	[ "$2" = source ] || sed -i '/^deb-src /d' "$apt/sources.list"
	{
		apt_options | sed 's/$/;/'
		cat <<-EOF
		Dir::State "$apt";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::Etc::trusted "$keyring";
		Acquire::Languages "none";
		APT::Sandbox::User "";
		EOF
	} > "$apt/apt.conf"
	: > "$apt/status"
	(
		export APT_CONFIG=$apt/apt.conf
		cd "$1" && shift && apt-get -q update && apt-get -q "$@"
	) > "$1/log" 2>&1
}

# debian_download PACKAGE DIR: the package's .deb, in DIR
debian_download()
{
	debian_apt "$2" download "$1"
}

# debian_source PACKAGE DIR: the files of its source package, in DIR
debian_source()
{
	debian_apt "$2" source --download-only "$1"
}
