import type { BuiltInAction } from "../built-in.ts";
import { askedVersion, refuseVersion, versionOf, warnOfCache } from "./toolchain.ts";
import { isInRange } from "./version-range.ts";

/** `actions/setup-go`: the image's Go, where it is the version that is asked for. */
export const setupGo: BuiltInAction = {
  inputs: {
    "go-version": {},
    "go-version-file": {},
    "check-latest": {},
    token: {},
    cache: { default: "false" },
    "cache-dependency-path": {},
    architecture: {},
    "go-download-base-url": {},
  },
  async run(run, at, inputs) {
    const found = await versionOf(run, at, "go version", /go version go(\d+\.\d+(?:\.\d+)?)/);
    const file = inputs["go-version-file"];
    const asked = await askedVersion(run, inputs["go-version"], file);
    const range = rangeOf(asked ?? "*", file);
    const fits = found !== undefined && (/^(stable|oldstable|\*)$/.test(range) || isInRange(found, range));
    if (!fits || found === undefined) throw refuseVersion("Go", range, found);
    warnOfCache(run, inputs.cache);
    return { outcome: "success", outputs: { "go-version": found, "cache-hit": "false" } };
  },
};

/** A go.mod says the least that will do. */
function rangeOf(text: string, file: string | undefined): string {
  if (file === undefined || !/go\.(mod|work)$/.test(file)) return text;
  const version = /^go (\d+\.\d+(?:\.\d+)?)/m.exec(text)?.[1];
  return version === undefined ? "*" : `>=${version}`;
}
