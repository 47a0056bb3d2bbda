#!/bin/sh
# Runs in a container without a network, as its root: sets up what layer.sh fetched into /add, and writes what that changed
# to stdout, as a tar. $1: no file's time is newer, in seconds since 1970.
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SOURCE_DATE_EPOCH="$1"

touch /tmp/before
# Time stamps of files are as coarse as the kernel's tick, at most 10 ms: what comes next has to be newer.
sleep 0.1

if [ -n "$(ls /add/debs)" ]; then
  # No service is started: there is nothing that it would run on.
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
  dpkg --force-unsafe-io --install /add/debs/*.deb >&2
  rm /usr/sbin/policy-rc.d
fi
cp -R /add/overlay/. /
sh /add/finish.sh / layer >&2

# What the layer adds, beside contents.json of the image below it.
mkdir -p /usr/share/nanoclaw
{
  for deb in /add/debs/*.deb; do
    [ ! -e "$deb" ] || dpkg-deb --showformat 'apt ${Package} ${Version}\n' --show "$deb"
  done
  sed 's/^/npm /' /add/npm
} >/usr/share/nanoclaw/added

cd /
# All that is new or changed since; the mounts of this container are none of it.
find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./run -o -path ./add \
  -o -path ./.dockerenv -o -path ./etc/hosts -o -path ./etc/hostname -o -path ./etc/resolv.conf \) -prune \
  -o -cnewer /tmp/before ! -path . -print0 | LC_ALL=C sort -z |
  tar --null --no-recursion --files-from=- --numeric-owner --mtime="@$1" --clamp-mtime -cf -
