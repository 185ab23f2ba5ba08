import type { Language } from "../../core/index.ts";

/** Where things are inside a sandbox. A driver that puts them elsewhere passes its own. */
export interface SandboxPaths {
  /** The folder that is `kernels/` of this repository. */
  readonly kernels: string;
  readonly node: string;
}

export const SANDBOX_PATHS: SandboxPaths = { kernels: "/glovebox/kernels", node: "/glovebox/bin/node" };

/** Node runs TypeScript by stripping its types; what Node warns of there is not the user's concern. */
const NODE_FLAGS = ["--disable-warning=ExperimentalWarning", "--experimental-transform-types"];

/** An interrupt may end a callback in the middle, which Node otherwise takes for a corruption of its own. */
const NODE_KERNEL_FLAGS = ["--no-force-async-hooks-checks", "--disable-warning=ExperimentalWarning"];

const KERNEL_SCRIPTS = {
  python: ["python", "kernel.py"],
  javascript: ["node", "kernel.cjs"],
  typescript: ["node", "kernel.cjs"],
  bash: ["bash", "kernel.sh"],
} as const satisfies Record<Exclude<Language, "rust">, readonly [string, string]>;

/** The program that is a language's kernel; `undefined` for Rust, which is compiled and run instead. */
export function kernelArgv(language: Language, paths: SandboxPaths = SANDBOX_PATHS): readonly string[] | undefined {
  if (language === "rust") return undefined;
  const [folder, script] = KERNEL_SCRIPTS[language];
  const path = `${paths.kernels}/${folder}/${script}`;
  switch (language) {
    case "python":
      return ["/usr/bin/python3", path];
    case "bash":
      return ["/bin/bash", path];
    case "javascript":
    case "typescript":
      return [paths.node, ...NODE_KERNEL_FLAGS, path];
  }
}

/** The kernel of each language that has one, at the usual places inside a sandbox. */
export const KERNEL_ARGV: Readonly<Record<Exclude<Language, "rust">, readonly string[]>> = {
  python: kernelArgv("python") ?? [],
  javascript: kernelArgv("javascript") ?? [],
  typescript: kernelArgv("typescript") ?? [],
  bash: kernelArgv("bash") ?? [],
};

/** The environment variable in which the Node kernel finds its `KernelOptions`, as JSON. */
export const KERNEL_OPTIONS_ENV = "GLOVEBOX_KERNEL_OPTIONS";

/** Environment variable, with any value, by which a kernel loads at its start what it would load with its first answer: for one that is started before anybody needs it. */
export const KERNEL_LOAD_ENV = "GLOVEBOX_KERNEL_LOAD";

/** How a plain program file is run as a command: to compile first, where the language wants it, then to run. */
export interface ProgramCommands {
  readonly compile?: { readonly argv: readonly string[] };
  readonly run: { readonly argv: readonly string[] };
}

export interface ProgramOptions {
  readonly paths?: SandboxPaths;
  /** Rust: the folder that has a `Cargo.toml` and so is built by cargo. Default: the file alone is compiled. */
  readonly cargoDir?: string;
  /** Rust: where the compiled program goes. Default `/tmp/glovebox-program`. */
  readonly output?: string;
  /** Rust: `debug` compiles faster, `release` runs faster. Default `debug`. */
  readonly profile?: "debug" | "release";
}

/**
 * The commands for the program at `path` with `args`. A relative path is taken as a path, never as an option or a
 * name to look up.
 */
export function programCommands(
  language: Language,
  path: string,
  args: readonly string[] = [],
  options: ProgramOptions = {},
): ProgramCommands {
  const file = path.includes("/") ? path.replace(/^-/, "./-") : `./${path}`;
  switch (language) {
    case "python":
      return { run: { argv: ["/usr/bin/python3", "-u", file, ...args] } };
    case "bash":
      return { run: { argv: ["/bin/bash", file, ...args] } };
    case "javascript":
    case "typescript":
      return { run: { argv: [(options.paths ?? SANDBOX_PATHS).node, ...NODE_FLAGS, file, ...args] } };
    case "rust":
      return rustCommands(file, args, options);
  }
}

/** The one command that runs `path`; for Rust, what it was compiled to. */
export function programArgv(
  language: Language,
  path: string,
  args: readonly string[] = [],
  options: ProgramOptions = {},
): readonly string[] {
  return programCommands(language, path, args, options).run.argv;
}

function rustCommands(file: string, args: readonly string[], options: ProgramOptions): ProgramCommands {
  const release = options.profile === "release";
  if (options.cargoDir !== undefined) {
    const cargo = ["cargo", "--quiet"];
    const flags = ["--manifest-path", `${options.cargoDir}/Cargo.toml`, ...(release ? ["--release"] : [])];
    return {
      compile: { argv: [...cargo, "build", ...flags] },
      run: { argv: [...cargo, "run", ...flags, "--", ...args] },
    };
  }
  const output = options.output ?? "/tmp/glovebox-program";
  // Without debug information, and several units at once: half the time of rustc's defaults.
  const flags = ["--edition", "2021", "-C", `opt-level=${release ? 2 : 0}`, "-C", "debuginfo=0"];
  return {
    compile: { argv: ["rustc", ...flags, "-C", "codegen-units=4", "-o", output, "--", file] },
    run: { argv: [output, ...args] },
  };
}

/** Extensions by language; the first is the one for new files. */
export const LANGUAGE_EXTENSIONS: Readonly<Record<Language, readonly string[]>> = {
  python: [".py"],
  javascript: [".js", ".mjs", ".cjs"],
  typescript: [".ts", ".mts", ".cts"],
  bash: [".sh", ".bash"],
  rust: [".rs"],
};

const INTERPRETERS: readonly (readonly [RegExp, Language])[] = [
  [/^(python|pypy)[0-9.]*$/, "python"],
  [/^(node|nodejs|bun)$/, "javascript"],
  [/^(ts-node|tsx|deno)$/, "typescript"],
  [/^(ba|da|k|z)?sh$/, "bash"],
  [/^(rust-script|cargo)$/, "rust"],
];

/**
 * The language of a program file, by its extension, else by the `#!` of its first bytes; `undefined` when neither
 * tells.
 */
export function detectLanguage(path: string, head?: Uint8Array | string): Language | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  for (const [language, extensions] of Object.entries(LANGUAGE_EXTENSIONS) as [Language, readonly string[]][]) {
    if (extensions.some((extension) => name.endsWith(extension) && name.length > extension.length)) return language;
  }
  if (head === undefined) return undefined;
  const text = typeof head === "string" ? head.slice(0, 256) : new TextDecoder().decode(head.subarray(0, 256));
  if (!text.startsWith("#!")) return undefined;
  const words = (text.slice(2).split("\n", 1)[0] ?? "").trim().split(/\s+/);
  const base = (word: string | undefined) => (word ?? "").slice((word ?? "").lastIndexOf("/") + 1);
  let program = base(words[0]);
  // `env -S node --flag`, `env NAME=value python3`
  if (program === "env") program = base(words.slice(1).find((word) => !word.startsWith("-") && !word.includes("=")));
  return INTERPRETERS.find(([pattern]) => pattern.test(program))?.[1];
}
