#!/usr/bin/env bash
# Puts packages on top of an agent's image, as one layer:
#   container/layer.sh BASE TAG LABEL=VALUE PACKAGE...     PACKAGE is apt:NAME[=VERSION] or npm:NAME[@VERSION]
# They are fetched on the host. Debian's are unpacked and set up in a container without a network, npm's run no script.
# Progress goes to stdout, one "step: message" a line. BASE is not changed, and TAG appears only when all of it worked.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=container/steps.sh
. "$root/container/steps.sh"
base=$1 tag=$2 label=$3
shift 3
# The last words of a log, as one line.
last_words() { grep -v '^[WN]: ' "$work/log" | tail -n "${1:-3}" | tr -s '\n ' ' ' | cut -c1-400; }

arch=$(docker image inspect --format '{{.Architecture}}' "$base" 2>/dev/null) ||
  fail image "there is no image $base" "bash container/build.sh"
case $arch in
  amd64) cpu=x64 ;;
  *) cpu=$arch ;;
esac

debian=() npm=()
for package in "$@"; do
  case $package in
    apt:*) debian+=("${package#apt:}") ;;
    npm:*) npm+=("${package#npm:}") ;;
    *) fail image "$package is neither apt:NAME nor npm:NAME" "name the package with what it comes from" ;;
  esac
done

mkdir -p "$root/.tools"
work=$(mktemp -d "$root/.tools/layer.XXXXXX")
container=nanoclaw-layer-${work##*.}
trap 'docker rm -f "$container" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
trap 'exit 1' TERM INT
mkdir -p "$work"/add/{debs,overlay} "$work/context"

# $work/add/debs: the named packages and what they need, less what the image has.
fetch_debian() {
  command -v apt-get >/dev/null ||
    fail apt "Debian's packages are fetched with apt-get, which this machine does not have" "leave out what begins with apt:"
  say apt "looking for ${debian[*]}"
  local apt=$work/apt
  mkdir -p "$apt"/{lists,archives}/partial
  docker create --name "$container" "$base" true >/dev/null
  docker cp "$container:/var/lib/dpkg/status" "$apt/status" >/dev/null
  # A mirror, where somebody has one; else where the image itself came from.
  if [ -n "${NANOCLAW_APT_SOURCES:-}" ]; then
    cp "$NANOCLAW_APT_SOURCES" "$apt/sources.list"
  else
    docker cp "$container:/etc/apt/sources.list" "$apt/sources.list" >/dev/null 2>&1 ||
      fail apt "the image does not say where its packages come from" "name a sources.list in NANOCLAW_APT_SOURCES"
  fi
  docker rm "$container" >/dev/null
  local get=(apt-get -q -o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status"
    -o "Dir::State::extended_states=$apt/extended" -o "Dir::Cache=$apt" -o "Dir::Cache::archives=$apt/archives"
    -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null
    -o Dir::Etc::preferencesparts=/dev/null -o "APT::Architecture=$arch" -o "APT::Architectures=$arch"
    -o APT::Install-Recommends=false -o Acquire::Languages=none -o Debug::NoLocking=true)
  "${get[@]}" update --error-on=any >"$work/log" 2>&1 ||
    fail apt "the lists of packages could not be read: $(last_words)" "check the connection to the package mirror and try again"
  "${get[@]}" install --yes --no-remove --download-only -- "${debian[@]}" >"$work/log" 2>&1 ||
    fail apt "they could not be fetched: $(last_words)" "check the names (apt-cache search), remove what is not there, and try again"
  find "$apt/archives" -maxdepth 1 -name '*.deb' -exec mv {} "$work/add/debs/" \;
  say apt "fetched $(find "$work/add/debs" -name '*.deb' | wc -l) packages, $(du -sm "$work/add/debs" | cut -f1) MB"
}

# $work/add/overlay: the named packages as one tree, and their programs.
fetch_npm() {
  say npm "fetching ${npm[*]}"
  local tree=$work/npm lib=$work/add/overlay/usr/local/lib/agent
  mkdir -p "$tree" "$lib" "$work/add/overlay/usr/local/bin"
  node -e '
    const named = process.argv.slice(1).map((one) => /^(@?[^@]+)(?:@(.+))?$/.exec(one));
    const dependencies = Object.fromEntries(named.map(([, name, version = "latest"]) => [name, version]));
    console.log(JSON.stringify({ private: true, dependencies }));' "${npm[@]}" >"$tree/package.json"
  # As in nanoclaw.sh: pnpm itself does not read this one.
  local registry=()
  [ -z "${npm_config_registry:-}" ] || registry=("--config.registry=$npm_config_registry")
  (cd "$tree" && pnpm "${registry[@]+"${registry[@]}"}" --ignore-workspace --config.node-linker=hoisted --config.strict-dep-builds=false --ignore-scripts \
    --os=linux --cpu="$cpu" --libc=glibc install --prod --no-lockfile) >"$work/log" 2>&1 ||
    fail npm "they could not be fetched: $(last_words 5)" "check the names and versions, and the connection to the npm registry, and try again"
  mv "$tree/node_modules" "$lib/node_modules"
  rm -rf "$lib"/node_modules/{.bin,.pnpm,.modules.yaml,.pnpm-workspace-state*.json}
  # Programs of the named packages, as npm names them; none takes the place of the image's own.
  (cd "$work/add/overlay/usr/local" && node -e '
    const own = ["bun", "node", "npm", "npx"];
    for (const one of process.argv.slice(1)) {
      const name = /^(@?[^@]+)/.exec(one)[1];
      const { bin = {}, version } = JSON.parse(fs.readFileSync(`lib/agent/node_modules/${name}/package.json`, "utf8"));
      const programs = typeof bin === "string" ? { [name.replace(/^@[^/]*\//, "")]: bin } : bin;
      for (const [program, file] of Object.entries(programs)) {
        if (own.includes(program) || !/^[\w.-]+$/.test(program)) throw new Error(`${name} brings a program named ${program}`);
        const target = path.join("lib/agent/node_modules", name, path.join("/", file));
        fs.chmodSync(target, 0o755);
        fs.symlinkSync(path.join("..", target), path.join("bin", program));
      }
      console.log(`${name} ${version}`);
    }' "${npm[@]}") >"$work/add/npm" 2>"$work/log" ||
    fail npm "their programs can't be set up: $(grep -m1 Error "$work/log")" "leave that package out"
  chmod -R u=rwX,go=rX "$work/add/overlay"
}

: >"$work/add/npm"
[ ${#debian[@]} = 0 ] || fetch_debian
[ ${#npm[@]} = 0 ] || fetch_npm

say layer "unpacking without a network"
cp "$root"/container/image/{unpack,finish}.sh "$work/add/"
chmod -R go=rX "$work/add"
# What dpkg needs to be root for files, and no more.
# shellcheck disable=SC2046
docker run --rm --name "$container" --network none --user 0:0 --cap-drop ALL --security-opt no-new-privileges \
  $(printf -- '--cap-add %s ' CHOWN DAC_OVERRIDE FOWNER FSETID SETUID SETGID) --pids-limit 512 --memory 2g \
  --tmpfs /tmp:rw,exec,size=512m --mount "type=bind,src=$work/add,dst=/add,readonly" \
  "$base" sh /add/unpack.sh "$SOURCE_DATE_EPOCH" >"$work/context/layer.tar" 2>"$work/log" ||
  fail layer "they could not be set up: $(last_words 4)" "remove the package that is named there, or name another version"

say layer "putting $(du -m "$work/context/layer.tar" | cut -f1) MB on top of $base"
{
  echo "FROM $base"
  # A tar that is added is unpacked: one layer, exactly that.
  echo "ADD layer.tar /"
  [ ${#npm[@]} = 0 ] || echo "ENV NODE_PATH=/usr/local/lib/agent/node_modules"
} >"$work/context/Dockerfile"
docker build --quiet --network none --label "$label" --tag "$tag" "$work/context" >"$work/log" 2>&1 ||
  fail layer "the engine refused the image: $(last_words)" "free disk space (docker system df) and try again"
say layer "$tag is ready"
