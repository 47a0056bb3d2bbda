#!/bin/sh
# Last touch on a root file system, given as $1, with the modules in it already: nothing set-uid, no caches, nothing that
# differs from one build to the next, an `agent` in the user list, and the list of what the image holds.
# Any uid may run in the container; the entry is only there so that tools that ask for a name find one.
set -eu
root=${1%/}

find "$root/" -xdev -type f -perm /6000 -exec chmod ug-s {} +
[ ! -d "$root/usr/share/doc" ] || find "$root/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/* \
  "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* \
  "$root"/var/cache/ldconfig/* "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/etc/*-

# What is put on top of the image as a layer needs no more.
[ "${2:-}" != layer ] || exit 0

grep -q '^agent:' "$root/etc/passwd" || {
  echo 'agent:x:1000:1000:Agent:/home/agent:/bin/bash' >>"$root/etc/passwd"
  echo 'agent:x:1000:' >>"$root/etc/group"
}
# The workspace may belong to another uid than the one that runs, and a commit needs an author.
cat >"$root/etc/gitconfig" <<'GIT'
[safe]
	directory = *
[user]
	name = Agent
	email = agent@localhost
[init]
	defaultBranch = main
GIT

# /usr/share/nanoclaw/contents.json, which build.sh began: Debian's packages with their versions.
contents=$root/usr/share/nanoclaw/contents.json
dpkg-query --admindir="$root/var/lib/dpkg" -W -f '    "${Package}": "${Version}"\n' | LC_ALL=C sort | sed '$!s/$/,/' >>"$contents"
printf '  }\n}\n' >>"$contents"
