import type { BuiltInAction } from "../built-in.ts";
import { askedVersion, refuseVersion, versionOf, warnOfCache } from "./toolchain.ts";
import { isInRange } from "./version-range.ts";

/** Names for whatever is newest, or newest of those with long support. */
const ALIASES = /^(node|latest|current|lts(\/.*|-.*)?|\*|)$/i;

/** `actions/setup-node`: the image's Node, where it is the version that is asked for. */
export const setupNode: BuiltInAction = {
  inputs: {
    "always-auth": {},
    "node-version": {},
    "node-version-file": {},
    architecture: {},
    "check-latest": {},
    "registry-url": {},
    scope: {},
    token: {},
    cache: {},
    "package-manager-cache": {},
    "cache-dependency-path": {},
    mirror: {},
    "mirror-token": {},
  },
  async run(run, at, inputs) {
    const found = await versionOf(run, at, "node --version", /^v(\d+\.\d+\.\d+)/m);
    const file = inputs["node-version-file"];
    const asked = await askedVersion(run, inputs["node-version"], file);
    const range = asked === undefined ? "" : rangeIn(asked, file);
    if (found === undefined || !(ALIASES.test(range) || isInRange(found, range))) {
      throw refuseVersion("Node.js", range === "" ? "any" : range, found);
    }
    warnOfCache(run, inputs.cache);
    return { outcome: "success", outputs: { "node-version": `v${found}`, "cache-hit": "false" } };
  },
};

/** A file may be a `.nvmrc`, a `.tool-versions` or a package.json. */
function rangeIn(text: string, file: string | undefined): string {
  if (file?.endsWith("package.json")) {
    try {
      const { volta, engines } = JSON.parse(text) as { volta?: { node?: unknown }; engines?: { node?: unknown } };
      return String(volta?.node ?? engines?.node ?? "");
    } catch {
      return text;
    }
  }
  return (/^(?:node(?:js)?\s+)?v?(\S+)/m.exec(text)?.[1] ?? text).trim();
}
