#!/bin/sh
# Last touch on a root file system, given as $1: nothing set-uid, no caches, an `agent` in the user list.
# Any uid may run in the container; the entry is only there so that tools that ask for a name find one.
set -eu
root=${1%/}

find "$root/" -xdev -type f -perm /6000 -exec chmod ug-s {} +
find "$root/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/* \
  "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*

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
