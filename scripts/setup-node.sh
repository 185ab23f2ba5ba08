# Chooses the Node that everything runs under and links it as .tools/bin/node: the machine's own when it is new enough,
# else the pinned one from the npm registry. Sourced by setup.sh; defines choose_node.

node_is_new_enough() {
  major=$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null) || return 1
  [ "$major" -ge 24 ]
}

node_sha256() {
  case $1 in
  x64) echo 61ecf27ad70afee991b671c28561eb497028294a67d132f9bbaac9ad73f81d3b ;;
  arm64) echo fba3076c16d21e5d814577436bdcb782b9b66bed09c6fa8278298e8933288bbb ;;
  esac
}

choose_node() {
  if [ -x "$tools/bin/node" ] && node_is_new_enough "$tools/bin/node"; then return 0; fi
  found=$(command -v node || true)
  if [ -n "$found" ] && node_is_new_enough "$found"; then
    ln -sf "$(readlink -f "$found")" "$tools/bin/node"
    return 0
  fi
  fetch_node
  ln -sf ../node/bin/node "$tools/bin/node"
}

fetch_node() {
  case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) say "no Node $node_version for $(uname -m): install Node 24 or newer yourself"; exit 1 ;;
  esac
  if ! command -v npm >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && [ "${GLOVEBOX_SYSTEM:-}" != skip ] && command -v apt-get >/dev/null 2>&1; then
      say "installing npm from Debian, to fetch Node $node_version with"
      { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm; } >"$tools/apt.log" 2>&1 ||
        { tail -n 5 "$tools/apt.log" >&2; exit 1; }
    else
      say "Node 24 or newer, or npm to fetch it with, is needed: install the package 'npm' and run this again"
      exit 1
    fi
  fi
  say "fetching Node $node_version from the npm registry (the machine's is older than 24)"
  fetched=$(mktemp -d "$tools/fetch.XXXXXX")
  (cd "$fetched" && npm pack --silent "node-linux-$arch@$node_version" >/dev/null)
  archive=$fetched/node-linux-$arch-$node_version.tgz
  if [ "$(sha256sum "$archive" | cut -d' ' -f1)" != "$(node_sha256 "$arch")" ]; then
    rm -rf "$fetched"
    say "the fetched Node does not have the expected checksum: refused"
    exit 1
  fi
  mkdir -p "$fetched/node"
  tar -xzf "$archive" -C "$fetched/node" --strip-components=1
  rm -rf "$tools/node"
  mv "$fetched/node" "$tools/node"
  rm -rf "$fetched"
}
