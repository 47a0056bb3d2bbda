#!/usr/bin/env bash
# Builds the agent's image, `nanoclaw-agent:latest`, and tags it with each installation that is named:
#   container/build.sh [--force] [INSTALLATION...]
#   container/build.sh --digest    makes the root file system once more, for nobody, and prints its digest
# Nothing runs with a network inside the build: packages and modules are fetched on the host and copied in.
# Without a change of its inputs it does nothing. The same inputs and the same Debian packages make the same root file
# system, to the byte, whenever and wherever they are put together. Progress goes to stdout, one "step: message" a line.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=container/steps.sh
. "$root/container/steps.sh"
repository=nanoclaw-agent
label=nanoclaw.inputs
# Only where no Debian system can be made on the host (a Mac, Fedora): pulled, and never run with a network.
# This fallback was tried with a local image; the pull itself is untested.
base_image=${NANOCLAW_BASE_IMAGE:-}
fallback_image=buildpack-deps:bookworm
sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
# Of the whole root file system, as a tar: the engine names its layer by it.
digest_of() { docker image inspect --format '{{index .RootFS.Layers 0}}' "$1"; }
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The packages whose dependencies the image holds: the runner, and each provider.
manifests() { (cd "$root" && printf '%s\n' container/runner/package.json container/providers/*/package.json); }

# The programs that come as one npm package each, pinned with their checksum in setup/tools.lock.
tools() { printf '%s\n' "node-linux-$cpu" npm; }

# What the image is made from. Of the lockfile only these packages' part, so that a host dependency rebuilds nothing.
inputs_hash() {
  {
    echo "$arch $base_image"
    cat "$root"/container/{build,steps}.sh "$root"/container/image/{packages,finish.sh,npmrc,pip.conf}
    tools | while read -r tool; do grep "^$tool " "$root/setup/tools.lock"; done
    manifests | while read -r manifest; do echo "$manifest" && cat "$root/$manifest"; done
    awk '/^  [^ ]/ { mine = /^  container\/(runner|providers\/[^\/]+):/ } /^packages:/ { exit } mine' "$root/pnpm-lock.yaml"
  } | sha256 | cut -c1-16
}

tag_installations() {
  for installation in "${installations[@]+"${installations[@]}"}"; do
    docker tag "$repository:latest" "$repository:$installation"
  done
}

# $modules: the production dependencies of the runner and the providers, for the container's platform (Linux, glibc)
# whatever the host is; they are one flat tree, so that code mounted under /app finds them.
install_modules() {
  say modules "installing the dependencies of the runner and the providers"
  local workspace=$work/workspace manifest apart
  mkdir -p "$workspace"
  # Without the root's package.json: its dependencies are the host's.
  cp "$root"/{pnpm-lock.yaml,pnpm-workspace.yaml} "$workspace/"
  manifests | while read -r manifest; do
    mkdir -p "$workspace/${manifest%/*}" && cp "$root/$manifest" "$workspace/$manifest"
  done
  (cd "$workspace" && pnpm --filter './container/**' --config.node-linker=hoisted --config.prefer-offline=true \
    --ignore-scripts --os=linux --cpu="$cpu" --libc=glibc install --prod --frozen-lockfile) >"$work/log" 2>&1 ||
    fail modules "pnpm could not install them: $(tail -n 5 "$work/log" | tr -s '\n ' ' ')" \
      "run \`pnpm install\` if pnpm-lock.yaml is behind, or check the connection to the npm registry; then run this again"
  # What pnpm puts beside a package is another version than the shared one, and the package's mount would hide it.
  apart=$(cd "$workspace" && find container -path '*/node_modules/*' -prune -print | head -n 3 | paste -sd ' ' -)
  [ -z "$apart" ] ||
    fail modules "these need another version than the rest of the image has: $apart" "agree on one version in the package.json files"

  modules=$workspace/node_modules
  mkdir -p "$work/overlay/usr/local/bin"
  mv "$modules/@oven/bun-linux-$cpu/bin/bun" "$work/overlay/usr/local/bin/bun"
  rm -rf "$modules"/{@oven,@nanoclaw,bun,.bin,.pnpm} "$modules"/.modules.yaml "$modules"/.pnpm-workspace-state*.json
}

# Node, npm and npx for the agent: the Node of the host's tools, which on such a machine is there already. Without
# headers: there is no compiler that could use them.
install_tools() {
  say modules "adding Node and npm"
  local usr=$work/overlay/usr/local folder
  mkdir -p "$usr"/{bin,etc,lib/node_modules}
  folder=$(fetch_tool "node-linux-$cpu")
  cp "$root/.tools/$folder/bin/node" "$usr/bin/node"
  folder=$(fetch_tool npm)
  cp -R "$root/.tools/$folder" "$usr/lib/node_modules/npm"
  rm -rf "$usr"/lib/node_modules/npm/{docs,man}
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$usr/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$usr/bin/npx"
  # Beside npm: it reads these wherever its own prefix lies.
  cp "$root/container/image/npmrc" "$usr/lib/node_modules/npm/npmrc"
  mkdir -p "$work/overlay/etc" && cp "$root/container/image/pip.conf" "$work/overlay/etc/pip.conf"
}

# fetch_tool PACKAGE: puts the pinned version into .tools/, checked, and prints its folder there.
fetch_tool() {
  # shellcheck disable=SC1091
  (. "$root/nanoclaw.sh" && fetch "$1" 2>"$work/log") ||
    fail modules "$1 could not be fetched: $(head -n 1 "$work/log")" "check the connection to the npm registry and run this again"
}

# The first part of the list of what the image holds; finish.sh adds Debian's packages and closes it.
begin_contents() {
  local into=$work/overlay/usr/share/nanoclaw
  mkdir -p "$into"
  # shellcheck disable=SC2016
  (cd "$work/overlay" && node -e '
    const [inputs, architecture, node, runner] = process.argv.slice(1);
    const files = fs.globSync(["app/node_modules/**/package.json", "usr/local/lib/node_modules/npm/package.json"]);
    const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
    const named = files.map(read).filter(({ name, version }) => name && version).map(({ name, version }) => `${name}@${version}`);
    const modules = [...new Set(named)].sort();
    const tools = { node, bun: read(runner).dependencies.bun };
    console.log(JSON.stringify({ inputs, architecture, tools, modules, debian: {} }, null, 2).replace(/\}\n\}$/, ""));
  ' "$hash" "$arch" "$(sed -n "s/^node-linux-$cpu \([^ ]*\) .*/\1/p" "$root/setup/tools.lock")" \
    "$root/container/runner/package.json") >"$into/contents.json"
}

# $work/overlay.tar: what goes on top of the base system.
make_overlay() {
  install_modules
  install_tools
  mkdir -p "$work"/overlay/app/{container/{runner,providers},protocol}
  mv "$modules" "$work/overlay/app/node_modules"

  # The root is read-only: every mount point of protocol/layout.ts has to be there.
  mkdir -p "$work"/overlay/{workspace,home/agent} "$work"/overlay/nanoclaw/{in,out,run,config,provider}
  touch "$work"/overlay/nanoclaw/out/outbound.db{,-journal}
  begin_contents
  chmod -R u=rwX,go=rX "$work/overlay"
  # The same words on every system that has a `touch`.
  TZ=UTC find "$work/overlay" -exec touch -h -t 202601010000 {} +
  tar --numeric-owner --owner=0 --group=0 -C "$work/overlay" -cf "$work/overlay.tar" .
}

# Writes the whole root file system to stdout, as a tar.
rootfs_from_packages() {
  local packages mode=() options=()
  packages=$(grep -v '^#' "$root/container/image/packages" | paste -sd, -)
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  local proxy=""
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [ -z "$proxy" ] || options+=("--aptopt=Acquire::http::Proxy \"$proxy\"")
  # Without root or sudo it still works where the user has subordinate ids.
  if [ "$(id -u)" != 0 ] && ! can_sudo; then mode=(--mode=unshare); fi
  # sudo keeps no environment. What is written needs to survive no power cut.
  local run=(env "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" mmdebstrap --quiet --variant=essential --architectures="$arch" --components=main,universe
    --include="$packages" --aptopt='Apt::Install-Recommends "false"' "${options[@]+"${options[@]}"}"
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*'
    --customize-hook="tar-in $work/overlay.tar /" --customize-hook="$root/container/image/finish.sh"
    --format=tar "$suite" -)
  if [ "${#mode[@]}" -gt 0 ]; then "${run[@]}" "${mode[@]}"; else as_root "${run[@]}"; fi
}

rootfs_from_image() {
  local container=nanoclaw-image-build-$$
  # shellcheck disable=SC2064
  trap "docker rm -f $container >/dev/null 2>&1" RETURN
  { docker image inspect "$base_image" >/dev/null 2>&1 || docker pull --platform "linux/$arch" "$base_image" >&2; } &&
    docker create --name "$container" --network none --user 0 -i --entrypoint sh "$base_image" -s / >&2 &&
    docker cp - "$container:/" <"$work/overlay.tar" >&2 &&
    docker start --attach --interactive "$container" \
      <"$root/container/image/finish.sh" >&2 &&
    docker export "$container"
}

can_sudo() { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }

# Decides how the base system is made, and fetches the tool for it.
choose_base() {
  [ -z "$base_image" ] || return 0
  if ! command -v apt-get >/dev/null; then
    base_image=$fallback_image
    return 0
  fi
  [ "$(id -u)" = 0 ] || can_sudo || command -v newuidmap >/dev/null ||
    fail base "making a Debian system needs root, sudo or subordinate user ids, and this user has none of them" \
      "run \`sudo -v\` first, or \`apt-get install uidmap\` as root"
  if ! command -v mmdebstrap >/dev/null; then
    say base "installing mmdebstrap"
    { [ "$(id -u)" = 0 ] || can_sudo; } ||
      fail base "mmdebstrap is not installed" "sudo apt-get install mmdebstrap"
    local install=(apt-get install -y --no-install-recommends mmdebstrap)
    as_root "${install[@]}" >"$work/log" 2>&1 ||
      { as_root apt-get update && as_root "${install[@]}"; } >"$work/log" 2>&1 ||
      fail base "mmdebstrap could not be installed: $(tail -n 2 "$work/log")" "sudo apt-get update && sudo apt-get install mmdebstrap"
  fi
}

# Where what an agent installs for everywhere goes: its own, on disk, and last on the way to programs.
local=/workspace/.local
force=no
digest_only=no
installations=()
for argument in "$@"; do
  case $argument in
    --force) force=yes ;;
    --digest) digest_only=yes ;;
    -*) fail image "unknown option $argument" "container/build.sh [--force | --digest] [INSTALLATION...]" ;;
    *) installations+=("$argument") ;;
  esac
done

command -v docker >/dev/null ||
  fail engine "the docker command was not found" "install Docker (Debian, Ubuntu: sudo apt-get install docker.io)"
arch=$(docker version --format '{{.Server.Arch}}' 2>&1) ||
  fail engine "the Docker engine does not answer: $arch" "start it (sudo systemctl start docker), or join its group (sudo usermod -aG docker \$USER)"
case $arch in
  amd64) cpu=x64 ;;
  arm64) cpu=arm64 ;;
  *) fail engine "the engine runs on $arch; Bun and the agent SDK exist for amd64 and arm64" "use an engine on such a machine" ;;
esac

hash=$(inputs_hash)
built=$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$repository:latest" 2>/dev/null || true)
if [ "$built" = "$hash" ] && [ $force = no ] && [ $digest_only = no ]; then
  tag_installations
  say image "$repository:latest is up to date"
  exit 0
fi

command -v pnpm >/dev/null || fail modules "pnpm was not found" "bash nanoclaw.sh, which brings it"
# Beside the project and not in /tmp, which may be memory: it holds about 1.2 GB for a moment.
mkdir -p "$root/.tools"
work=$(mktemp -d "$root/.tools/image.XXXXXX")
trap 'rm -rf "$work"' EXIT

choose_base
make_overlay
if [ -n "$base_image" ]; then source=rootfs_from_image; else source=rootfs_from_packages; fi
say base "making the base system (a few minutes)"
if [ $digest_only = yes ]; then
  digest=$($source 2>"$work/log" | sha256 | cut -d ' ' -f 1) ||
    fail base "no base system: $(tail -n 5 "$work/log")" "check the connection to the package mirror and run this again"
  say digest "sha256:$digest"
  [ "$built" != "$hash" ] || [ "$(digest_of "$repository:latest")" = "sha256:$digest" ] ||
    say digest "$repository:latest, made from these inputs, has $(digest_of "$repository:latest"): packages of Debian have changed since"
  exit 0
fi
{ $source 2>"$work/log" || echo failed >"$work/failed"; } |
  docker import --change "LABEL $label=$hash" --change 'USER 1000:1000' --change 'WORKDIR /workspace' \
    --change "ENV PATH=/usr/local/bin:/usr/bin:/bin:$local/bin PYTHONUSERBASE=$local LANG=C.UTF-8" - "$repository:new" >"$work/import" 2>&1 ||
  fail image "the engine refused the image: $(tail -n 2 "$work/import" "$work/log")" "free disk space (docker system df) and run this again"
if [ -e "$work/failed" ]; then
  docker rmi "$repository:new" >/dev/null 2>&1 || true
  fail base "no base system: $(tail -n 5 "$work/log")" "check the connection to the package mirror and run this again"
fi
docker tag "$repository:new" "$repository:latest"
docker rmi "$repository:new" >/dev/null
tag_installations
# What this one replaced, where no other installation still has a tag on it.
docker image prune --force --filter "label=$label" >/dev/null || true
say image "$repository:latest is ready ($(docker image inspect --format '{{.Size}}' "$repository:latest" | awk '{ printf "%.0f MB", $1 / 1e6 }'), root file system $(digest_of "$repository:latest"))"
