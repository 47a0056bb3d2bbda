# What build.sh and layer.sh share; sourced, with $root set.

# 2026-01-01. No file in an image is newer, so that the time of the build is nowhere in it.
export SOURCE_DATE_EPOCH=1767225600
export PATH="$root/.tools/bin:$PATH"

say() { echo "$1: $2"; }
fail() { # step, what happened, what to do
  echo "$1: FAILED: $2" >&2
  echo "  next: $3" >&2
  exit 1
}
