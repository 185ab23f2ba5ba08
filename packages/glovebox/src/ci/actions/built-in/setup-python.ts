import { LAYOUT } from "../../runner/layout.ts";
import type { BuiltInAction } from "../built-in.ts";
import { runOwnScript } from "./script.ts";
import { askedVersion, refuseVersion, versionOf, warnOfCache } from "./toolchain.ts";
import { isInRange } from "./version-range.ts";

const PYTHON = "command -v python >/dev/null && python --version || python3 --version";

/** `actions/setup-python`: the image's Python, where it is the version that is asked for; as `python` too. */
export const setupPython: BuiltInAction = {
  inputs: {
    "python-version": {},
    "python-version-file": {},
    cache: {},
    architecture: {},
    "check-latest": {},
    token: {},
    "cache-dependency-path": {},
    "update-environment": { default: "true" },
    "allow-prereleases": {},
    freethreaded: {},
    "pip-version": {},
    "pip-install": {},
  },
  async run(run, at, inputs) {
    const found = await versionOf(run, at, PYTHON, /^Python (\d+\.\d+\.\d+)/m);
    const asked = (await askedVersion(run, inputs["python-version"], inputs["python-version-file"])) ?? "3.x";
    // Several may be asked for, a line each; the last one is the default.
    const range = asked.split(/\s*\n\s*/).at(-1) ?? "3.x";
    if (found === undefined || !isInRange(found, range)) throw refuseVersion("Python", range, found);
    warnOfCache(run, inputs.cache);
    const folder = `${LAYOUT.tools}/Python/${found}`;
    const end = await runOwnScript(run, at, SCRIPT, { env: { GBX_FOLDER: folder, GBX_VERSION: found } });
    return { outcome: end.outcome, outputs: end.outputs };
  },
};

const SCRIPT = `
mkdir -p "$GBX_FOLDER/bin"
real=$(command -v python3)
ln -sf "$real" "$GBX_FOLDER/bin/python"
ln -sf "$real" "$GBX_FOLDER/bin/python3"
echo "$GBX_FOLDER/bin" >> "$GITHUB_PATH"
echo "pythonLocation=$GBX_FOLDER" >> "$GITHUB_ENV"
{ echo "python-version=$GBX_VERSION"; echo "python-path=$GBX_FOLDER/bin/python"; echo "cache-hit=false"; } >> "$GITHUB_OUTPUT"
echo "Using Python $GBX_VERSION of the image"
`;
