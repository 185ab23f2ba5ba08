import { PACKAGES_DIR, SANDBOX_PATH } from "../../sandbox/index.ts";
import type { Packages } from "./pins.ts";
import type { Registries } from "./registries.ts";

/** One installer's run: a script of ours with the packages as its arguments, never as part of its text. */
export interface InstallStep {
  readonly name: "node" | "python" | "apt";
  readonly script: string;
  readonly args: readonly string[];
}

const NODE = `mkdir -p layer/node && cd layer/node && echo '{"private":true}' > package.json
registry=$1; shift
npm install --registry "$registry" --cache /workspace/.npm --no-audit --no-fund --no-update-notifier --no-save "$@"`;

const PYTHON = `index=$1; trusted=$2; shift 2
python3 -m pip install --no-input --disable-pip-version-check --no-cache-dir --no-warn-script-location \\
  --index-url "$index" \${trusted:+--trusted-host "$trusted"} --target layer/python "$@"`;

/**
 * Debian's packages are unpacked, not installed: their scripts want a root file system of their own. \`etc\` and \`status\` are the host's sources, keys
 * and list of what is there already.
 */
const APT = `mkdir -p apt/state/lists/partial apt/cache/archives/partial layer/apt
options=(-o Dir::Etc=/workspace/etc -o Dir::State=/workspace/apt/state -o Dir::State::status=/workspace/status
  -o Dir::Cache=/workspace/apt/cache -o APT::Sandbox::User= -o Debug::NoLocking=1 -o Acquire::Retries=2
  -o Acquire::http::Proxy="$http_proxy" -o Acquire::https::Proxy="$http_proxy" -o Acquire::https::CAInfo="$SSL_CERT_FILE")
apt-get "\${options[@]}" -q update
apt-get "\${options[@]}" -q -y --no-install-recommends --download-only install "$@"
for file in apt/cache/archives/*.deb; do dpkg-deb -x "$file" layer/apt; done`;

/** After the last: readable by every sandbox, writable and privileged for none. */
export const FINISH = "chmod -R a+rX,go-w,u-s,g-s layer";

export function installSteps(packages: Packages, registries: Registries): InstallStep[] {
  const steps: InstallStep[] = [];
  if (packages.apt.length > 0) steps.push({ name: "apt", script: APT, args: packages.apt });
  if (packages.python.length > 0) {
    const index = registries.python?.url ?? "";
    // Whoever set up a plain HTTP index meant it.
    const trusted = index.startsWith("http:") ? new URL(index).host : "";
    steps.push({ name: "python", script: PYTHON, args: [index, trusted, ...packages.python] });
  }
  if (packages.node.length > 0) {
    steps.push({ name: "node", script: NODE, args: [registries.node?.url ?? "", ...packages.node] });
  }
  return steps;
}

/** Debian's name for this machine's libraries. */
const TRIPLET = { arm64: "aarch64-linux-gnu", x64: "x86_64-linux-gnu" }[process.arch as "arm64" | "x64"];

/** The variables by which programs find what a layer holds. */
export function layerEnv(packages: Packages): Record<string, string> {
  const paths: string[] = [];
  const env: Record<string, string> = {};
  if (packages.node.length > 0) {
    paths.push(`${PACKAGES_DIR}/node/node_modules/.bin`);
  }
  if (packages.python.length > 0) {
    env.PYTHONPATH = `${PACKAGES_DIR}/python`;
    paths.push(`${PACKAGES_DIR}/python/bin`);
  }
  if (packages.apt.length > 0) {
    const root = `${PACKAGES_DIR}/apt`;
    env.LD_LIBRARY_PATH = [`${root}/usr/lib/${TRIPLET}`, `${root}/lib/${TRIPLET}`, `${root}/usr/lib`].join(":");
    paths.push(`${root}/usr/bin`, `${root}/bin`, `${root}/usr/sbin`, `${root}/usr/games`);
  }
  env.PATH = [...paths, SANDBOX_PATH].join(":");
  return env;
}
