# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's archive, for an apt with its own state under DIR: needs neither root
# nor a Debian host's own package lists. To be sourced.

SUITE=bookworm

# host_mirrors: what the host's own apt has of Debian, "deb URI SUITE COMPONENT"
host_mirrors()
{
	apt-get indextargets --format 'X$(CREATED_BY) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 2>/dev/null |
		sed -n 's/^XPackages //p' | grep -E 'debian[a-z-]*/? [a-z-]+ main$' | sort -u
}

# apt_sources: the host's own mirrors of the suite, else Debian's.
apt_sources()
{
	local own

	own=$(host_mirrors | grep -E " $SUITE(-updates|-security)? main\$")
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

# other_sources ARCHIVE SUITE...: suites that are not the host's, from ARCHIVE, which
# is the URI of a Debian mirror
other_sources()
{
	local archive=${1%/} suite

	shift
	for suite; do
		case $suite in
		"$SUITE") apt_sources; security_source ;;
		*-security) printf 'deb http://deb.debian.org/debian-security %s main\n' "$suite" ;;
		*) printf 'deb %s %s main\n' "$archive" "$suite" ;;
		esac
	done
}

# archives: where other suites may be: where the host has its own from, and Debian's
archives()
{
	{
		host_mirrors | awk '$2 ~ /\/debian\/?$/ { sub(/\/$/, "", $2); print $2 }'
		echo http://deb.debian.org/debian
	} | awk '!seen[$0]++'
}

# apt_options: how the host's apt reaches its mirrors, one option a line
apt_options()
{
	apt-config dump 2>/dev/null |
		grep -E '^Acquire::((http|https)::(Proxy|Proxy-Auto-Detect|Timeout|CAInfo|CAPath|SslCert|SslKey)[: ]|Check-(Valid-Until|Date) |Retries |ForceIPv[46] )' |
		sed 's/;$//'
}

# apt_state DIR: an apt of its own in DIR/apt, for the "deb" lines on stdin. What
# else the host has configured, hooks for example, is not read.
apt_state()
{
	local apt=$1/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/etc" || return
	sed "s|^deb |deb [signed-by=$keyring] |; p; s|^deb |deb-src |" > "$apt/sources.list"
	{
		apt_options | sed 's/$/;/'
		cat <<-EOF
		Dir::State "$apt";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache";
		Dir::Etc::main "/dev/null";
		Dir::Etc::parts "/dev/null";
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::Etc::trusted "$keyring";
		Acquire::Languages "none";
		APT::Sandbox::User "";
		EOF
	} > "$apt/apt.conf"
	: > "$apt/status"
}

# apt_fetch DIR COMMAND...: apt-get in DIR with the state there, lists updated; its own
# words go to DIR/log
apt_fetch()
{
	[ "$2" = source ] || sed -i '/^deb-src /d' "$1/apt/sources.list" || return
	(
		export APT_CONFIG=$1/apt/apt.conf
		cd "$1" && shift && apt-get -q update && apt-get -q "$@"
	) > "$1/log" 2>&1
}

# debian_apt DIR COMMAND...: the same with the sources of SUITE
debian_apt()
{
	{ apt_sources; security_source; } | apt_state "$1" && apt_fetch "$@"
}

# debian_download PACKAGE DIR [SUITE...]: the package's .deb, in DIR; from the first
# mirror that has it, if other suites than the host's are named
debian_download()
{
	local package=$1 dir=$2 archive

	shift 2
	if [ "${*:-$SUITE}" = "$SUITE" ]; then
		debian_apt "$dir" download "$package"
		return
	fi
	for archive in $(archives); do
		other_sources "$archive" "$@" | apt_state "$dir" && apt_fetch "$dir" download "$package" && return
	done
	return 1
}

# debian_names DIR PREFIX: the packages of that name which the last download in DIR
# could choose from
debian_names()
{
	APT_CONFIG=$1/apt/apt.conf apt-cache pkgnames "$2" 2>/dev/null
}

# debian_source PACKAGE DIR: the files of its source package, in DIR
debian_source()
{
	debian_apt "$2" source --download-only "$1"
}
