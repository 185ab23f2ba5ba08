import { GloveboxError } from "../../core/index.ts";
import { COMMAND_FILES, LAYOUT } from "./layout.ts";

/** A process of a step: what it is, and in what it runs. */
export interface Launch {
  /** For its script and the files that it may write to. */
  readonly folder: string;
  /** Written into the folder: contents by name. */
  readonly files: Readonly<Record<string, string>>;
  /** The first program that is there is taken. */
  readonly programs: readonly string[];
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Before the rest of PATH, the first first. */
  readonly paths: readonly string[];
}

/** None that `env` would take for an option. */
const NAME = /^[^=\0-][^=\0]*$/;

/** What the shell itself can hand over: none that means something to a shell, or to this script. The rest takes one more program, `env`. */
const EXPORTED =
  /^(?!(?:p$|BASH|DASH|ZSH|LD_|PS\d$|IFS$|ENV$|OPTIND$|LINENO$|[EP]*UID$|PPID$|SHELLOPTS$|RANDOM$|SECONDS$|POSIXLY_CORRECT$))[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What `/bin/sh` does on its stdin to become a step's process: it makes the folder with the files, then is replaced by the program. So one call does it all, and no value
 * of the environment is in an argument that the session's rows would keep.
 */
export function launchScript(launch: Launch): string {
  const { folder, files, programs, args, cwd, env, paths } = launch;
  const names = Object.values(COMMAND_FILES);
  const lines = [
    "umask 022",
    sweep(folder),
    `mkdir -p ${[folder, LAYOUT.temp, LAYOUT.tools, LAYOUT.home, LAYOUT.workspace].map(quoted).join(" ")} || exit 1`,
    `cd ${quoted(folder)} && ${names.map((name) => `: >${name}`).join(" && ")} || exit 1`,
    // The shell's own `printf`: a process less than `cat`.
    ...Object.entries(files).map(([name, text]) => `printf '%s' ${quoted(text)} >${quoted(name)} || exit 1`),
    `cd ${quoted(cwd)} 2>/dev/null || { echo ${quoted(`The working directory '${cwd}' is not there`)} >&2; exit 1; }`,
  ];
  if (paths.length > 0) lines.push(`PATH=${quoted(paths.join(":"))}:\${PATH-}`);
  lines.push(programs.length === 1 ? `p=${quoted(programs[0] ?? "")}` : firstOf(programs));
  const path = paths.length > 0 && env.PATH !== undefined ? { PATH: [...paths, env.PATH].join(":") } : {};
  const all = { ...env, ...path, ...environmentOf(folder) };
  if (paths.length > 0 && env.PATH === undefined) lines.push("export PATH");
  const others: string[] = [];
  for (const [name, value] of Object.entries(all)) {
    const word = assignment(name, value);
    if (EXPORTED.test(name)) lines.push(`export ${word}`);
    else others.push(word);
  }
  lines.push(
    `exec ${[...(others.length > 0 ? ["env", ...others] : []), '"$p"', ...args.map(quoted)].join(" ")} </dev/null`,
    "",
  );
  return lines.join("\n");
}

/**
 * Takes away what is in the way, and what earlier steps of the job left: their scripts may have secrets in them. Not what belongs to the same step, which is read again when the
 * server dies in the middle of it.
 */
function sweep(folder: string): string {
  const place = folder.slice(LAYOUT.steps.length + 1).replace(/[.-].*$/, "");
  const own = [`${place}.*`, `${place}-*`].map((name) => `${LAYOUT.steps}/${name}`).join("|");
  return [
    "set --",
    `for d in ${LAYOUT.steps}/*; do case $d in ${quoted(folder)}) ;; ${LAYOUT.steps}/${place}|${own}) continue;; esac; set -- "$@" "$d"; done`,
    '[ $# -gt 0 ] && [ -e "$1" ] && rm -rf "$@"',
  ].join("\n");
}

function environmentOf(folder: string): Record<string, string> {
  return Object.fromEntries(Object.entries(COMMAND_FILES).map(([name, file]) => [name, `${folder}/${file}`]));
}

function firstOf(programs: readonly string[]): string {
  const looks = programs.map((program) => `command -v ${quoted(program)}`);
  return `p=$(${looks.join(" || ")}) || { echo ${quoted(`None of ${programs.join(", ")} is there`)} >&2; exit 127; }`;
}

function assignment(name: string, value: string): string {
  if (!NAME.test(name) || value.includes("\0")) {
    throw new GloveboxError("invalid_argument", `${JSON.stringify(name)} cannot be set in the environment`);
  }
  return quoted(`${name}=${value}`);
}

/** One word of the shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
