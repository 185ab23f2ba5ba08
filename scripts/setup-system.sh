# Debian packages that Glovebox uses, each with the command or file that shows it is there, and what is lost without it.
# Sourced by setup.sh; defines install_system_packages.

system_needs() {
  cat <<'LIST'
bubblewrap|bwrap|the bubblewrap isolation (Linux namespaces)
runsc|runsc|the gvisor isolation (a kernel in user space)
gcc|gcc|building the guest agent and the supervisor
libc6-dev|/usr/include/stdio.h|building the guest agent and the supervisor
python3|/usr/bin/python3|Python in sandboxes
git|git|workspaces made from a git repository
rustc|/usr/bin/rustc|Rust in sandboxes
ca-certificates|/etc/ssl/certs/ca-certificates.crt|TLS to hosts that sandboxes may reach
curl|/usr/bin/curl|web requests of shell programs in sandboxes
qemu-system-x86|qemu-system-x86_64|the microvm isolation (machines of their own kernel)
squashfs-tools|mksquashfs|root images, and so the microvm isolation
mmdebstrap|mmdebstrap|building root images from their definitions
python3-pip|/usr/lib/python3/dist-packages/pip|Python packages of templates
python3-pytest|/usr/lib/python3/dist-packages/pytest|tests written for pytest, of repositories that agents work on
LIST
}

system_has() {
  case $1 in
  /*) [ -e "$1" ] ;;
  *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

install_system_packages() {
  missing=
  reasons=
  while IFS='|' read -r package probe reason; do
    if ! system_has "$probe"; then
      missing="$missing $package"
      reasons="$reasons
  $package: $reason"
    fi
  done <<LIST
$(system_needs)
LIST
  [ -n "$missing" ] || return 0
  if [ "${GLOVEBOX_SYSTEM:-}" = skip ]; then
    say "left alone as asked; missing:$reasons"
  elif ! command -v apt-get >/dev/null 2>&1; then
    say "not a Debian system; install these yourself for the full set:$reasons"
  elif [ "$(id -u)" != 0 ]; then
    say "not root; for the full set run: sudo apt-get install$missing$reasons"
  else
    say "installing from Debian:$reasons"
    # shellcheck disable=SC2086
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$tools/apt.log" 2>&1; then
      tail -n 5 "$tools/apt.log" >&2
      say "some packages could not be installed; going on with what is there"
    fi
  fi
}
