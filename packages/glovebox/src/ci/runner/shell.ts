import { GloveboxError } from "../../core/index.ts";

/** How a step's script is run. */
export interface ShellPlan {
  /** Of the script's file, with its dot. */
  readonly extension: string;
  /** The programs that may be it, the first that is there; then its arguments, in which `{0}` is the script's path. */
  readonly programs: readonly string[];
  readonly args: readonly string[];
  /** The script as it is written. */
  readonly script: string;
}

interface Known {
  readonly extension: string;
  readonly programs: readonly string[];
  readonly args: readonly string[];
  readonly wrap?: (script: string) => string;
}

/**
 * The shells by name. Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell. `node` is ours: custom
 * templates do the same on GitHub. Images without a `python` have a `python3`.
 */
const KNOWN: Readonly<Record<string, Known>> = {
  bash: { extension: ".sh", programs: ["bash"], args: ["--noprofile", "--norc", "-e", "-o", "pipefail", "{0}"] },
  sh: { extension: ".sh", programs: ["sh"], args: ["-e", "{0}"] },
  python: { extension: ".py", programs: ["python", "python3"], args: ["{0}"] },
  node: { extension: ".js", programs: ["node"], args: ["{0}"] },
  pwsh: { extension: ".ps1", programs: ["pwsh"], args: ["-command", ". '{0}'"], wrap: wrapPowerShell },
};
/** Where no shell is named. */
const UNNAMED: Known = { extension: ".sh", programs: ["bash", "sh"], args: ["-e", "{0}"] };
const OF_WINDOWS = new Set(["cmd", "powershell"]);

/** How `script` is run by `shell`. Errors: `invalid_argument` for what is no shell, or none here. */
export function planShell(shell: string | undefined, script: string): ShellPlan {
  const name = shell?.trim() ?? "";
  const known = name === "" ? UNNAMED : Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  if (known !== undefined) {
    const { extension, programs, args, wrap = (text: string) => text } = known;
    return { extension, programs, args, script: wrap(script) };
  }
  if (OF_WINDOWS.has(name)) throw invalid(`The shell '${name}' is there on Windows alone`);
  if (!name.includes("{0}")) {
    throw invalid(
      `Invalid shell option '${name}'. Shell must be a valid built-in (${Object.keys(KNOWN).join(", ")}) or a format string containing '{0}'`,
    );
  }
  const [program = "", ...args] = words(name);
  return { extension: "", programs: [program], args, script };
}

/** Fails at the first error, and ends as the last program did, as GitHub's runner has it. */
function wrapPowerShell(script: string): string {
  const end = "if ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }";
  return `$ErrorActionPreference = 'stop'\n${script}\n${end}`;
}

/** Words of a command line; quotes, single or double, keep blanks together. */
function words(line: string): string[] {
  const found = line.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
  return found.map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_all, double, single) => double ?? single));
}

function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message);
}
