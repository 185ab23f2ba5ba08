#!/bin/sh
# Brings everything that `make run` and `make test` need; does nothing, quickly, when all is there.
#   GLOVEBOX_SYSTEM=skip   leaves the system's packages alone
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
tools=$root/.tools
node_version=24.21.0
mkdir -p "$tools/bin"

say() { printf 'setup: %s\n' "$*" >&2; }

. "$root/scripts/setup-system.sh"
. "$root/scripts/setup-node.sh"

install_system_packages
choose_node
PATH=$tools/bin:$PATH
export PATH

lock_hash=$(sha256sum "$root/package-lock.json" | cut -d' ' -f1)
if [ "$(cat "$tools/npm-stamp" 2>/dev/null || true)" != "$lock_hash" ] || [ ! -d "$root/node_modules" ]; then
  say "installing the npm packages of the lockfile"
  # Not `npm ci`: it refuses a lockfile that lacks the builds for other platforms, which not every registry carries.
  # The versions and checksums of the lockfile are honoured all the same.
  (cd "$root" && npm install --no-fund --no-audit --loglevel=error >"$tools/npm.log" 2>&1) || { tail -n 20 "$tools/npm.log" >&2; exit 1; }
  printf '%s' "$lock_hash" >"$tools/npm-stamp"
fi

# For starts in half the time; without it, and whenever a source changed since, the sources run as they are.
"$tools/bin/node" --conditions=development "$root/scripts/bundle/build.ts" || say "going on without the bundle of the sources"

if command -v gcc >/dev/null 2>&1; then
  "$tools/bin/node" --conditions=development "$root/packages/glovebox/src/sandbox/native/build.ts" >/dev/null
  # Kernel and root image of microVMs: a download and a build of minutes, once; found by their content afterwards.
  if [ "${GLOVEBOX_SYSTEM:-}" != skip ] && command -v qemu-system-x86_64 >/dev/null 2>&1; then
    "$tools/bin/node" --conditions=development "$root/packages/glovebox/src/sandbox/microvm/prepare.ts" || say "going on without microVMs"
  fi
else
  say "no gcc: the guest agent cannot be built, so only the 'isolate' isolation will work"
fi
