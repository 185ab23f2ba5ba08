import type { Language } from "../../core/index.ts";
import { encodeKernelRenew, KERNEL_RENEW, kernelArgv } from "../kernel/index.ts";
import type { SandboxProcess } from "../process.ts";

const TAG_PREFIX = "spare-kernel:";
/** What programs read once, when they start: a kernel that has started already cannot be given it. */
const START_ENV = /^(PYTHON|NODE_|LD_|BASH|LC_|MALLOC_|OPENSSL_|SSL_)|^(LANG|TZ|PATH|HOME|GLOVEBOX_KERNEL_OPTIONS)$/;

/** The part of an environment with which a kernel must be started. */
export function startEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => START_ENV.test(name)));
}

export function spareTag(language: Language): string {
  return `${TAG_PREFIX}${language}`;
}

/** One language for each program that is a kernel: TypeScript's is JavaScript's. */
export function distinctKernels(languages: readonly Language[]): Language[] {
  const programs = new Map<string, Language>();
  for (const language of languages) {
    const argv = kernelArgv(language)?.join(" ");
    if (argv !== undefined && !programs.has(argv)) programs.set(argv, language);
  }
  return [...programs.values()].sort();
}

/** Kernels that were started in a template, before there was anybody to use them. Each is taken once. */
export class SpareKernels {
  readonly #byProgram = new Map<string, { readonly process: SandboxProcess; readonly language: Language }>();

  /** Takes the spare ones out of what an agent holds, and returns the rest. */
  static among(attached: readonly SandboxProcess[]): { spares: SpareKernels; rest: SandboxProcess[] } {
    const spares = new SpareKernels();
    const rest: SandboxProcess[] = [];
    for (const process of attached) {
      const language = process.tag.startsWith(TAG_PREFIX)
        ? (process.tag.slice(TAG_PREFIX.length) as Language)
        : undefined;
      const argv = language && kernelArgv(language)?.join(" ");
      if (language && argv !== undefined) spares.#byProgram.set(argv, { process, language });
      else rest.push(process);
    }
    return { spares, rest };
  }

  /** One for `language` that gets `env`, or nothing: whether it still lives is seen by reading from it, as with any other. */
  take(
    language: Language,
    env: Readonly<Record<string, string>>,
    started: Readonly<Record<string, string>>,
  ): SandboxProcess | undefined {
    const argv = kernelArgv(language)?.join(" ");
    const spare = argv === undefined ? undefined : this.#byProgram.get(argv);
    if (argv === undefined || !spare) return undefined;
    const wanted = startEnv(env);
    if (JSON.stringify(sorted(wanted)) !== JSON.stringify(sorted(startEnv(started)))) return undefined;
    this.#byProgram.delete(argv);
    // Taken before whatever is written later, and acknowledged only once somebody reads from it.
    const given = Object.entries(env).filter(([name, value]) => started[name] !== value);
    const renewal = given.length === 0 ? KERNEL_RENEW : encodeKernelRenew(spare.language, Object.fromEntries(given));
    spare.process.writeControl(renewal).catch(() => {});
    return spare.process;
  }
}

function sorted(env: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Whose kernel a spare one is; `undefined`: it is none. */
export function spareLanguage({ tag }: SandboxProcess): Language | undefined {
  return tag.startsWith(TAG_PREFIX) ? (tag.slice(TAG_PREFIX.length) as Language) : undefined;
}
