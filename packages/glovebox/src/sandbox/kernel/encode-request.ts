import { GloveboxError } from "../../core/index.ts";
import type { KernelRequest } from "../kernel-message.ts";

/** The most one request may take, bytes: code of 8 MiB with room for its arguments and environment. */
export const MAX_REQUEST_BYTES = 64 * 1_048_576;

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;

/**
 * The bytes of a request for a kernel's control input. Errors: `invalid_argument` when a field contains NUL or an
 * environment variable cannot have its name; `payload_too_large` beyond {@link MAX_REQUEST_BYTES}.
 */
export function encodeKernelRequest(request: KernelRequest): Uint8Array {
  for (const name of Object.keys(request.env)) {
    if (!ENV_NAME.test(name)) {
      throw new GloveboxError("invalid_argument", `'${name.slice(0, 64)}' is not a name of an environment variable`);
    }
  }
  const options = request.language === "bash" ? bashOptions(request) : jsonOptions(request);
  const fields = ["exec", request.id, request.mode, options, request.source];
  const parts = [
    request.id,
    request.source,
    request.cwd ?? "",
    request.stdin ?? "",
    ...request.args,
    ...Object.values(request.env),
  ];
  if (parts.some((part) => part.includes("\0"))) {
    throw new GloveboxError("invalid_argument", "code, arguments and environment must not contain NUL");
  }
  const bytes = Buffer.from(`${fields.join("\0")}\0`, "utf8");
  if (bytes.length > MAX_REQUEST_BYTES) {
    throw new GloveboxError("payload_too_large", `the request takes ${bytes.length} bytes, of ${MAX_REQUEST_BYTES}`);
  }
  return bytes;
}

/**
 * What a kernel is told that is a copy of another, once the sandbox's own randomness was renewed: it reseeds its language's, and takes
 * over `env` for good. There is no answer. Errors: as of {@link encodeKernelRequest}.
 */
export function encodeKernelRenew(
  language: KernelRequest["language"],
  env: Readonly<Record<string, string>> = {},
): Uint8Array {
  const request = { id: "", mode: "repl", source: "", language, args: [], env } as const;
  const bytes = Buffer.from(encodeKernelRequest(request));
  return Buffer.concat([Buffer.from("renew"), bytes.subarray("exec".length)]);
}

/** The same for a kernel of an unknown language, without an environment. */
export const KERNEL_RENEW: Uint8Array = Buffer.from("renew\0\0\0\0\0");

function jsonOptions({ language, args, env, cwd, stdin }: KernelRequest): string {
  return JSON.stringify({
    language,
    args,
    env,
    ...(cwd === undefined ? {} : { cwd }),
    ...(stdin === undefined ? {} : { stdin }),
  });
}

/** Assignments that the bash kernel evaluates: every word is in single quotes, so none can be more than a word. */
function bashOptions({ args, env, cwd, stdin }: KernelRequest): string {
  const envs = Object.entries(env).map(([name, value]) => quoteForShell(`${name}=${value}`));
  return `args=(${args.map(quoteForShell).join(" ")})\ncwd=${quoteForShell(cwd ?? "")}\nenvs=(${envs.join(" ")})\nstdin=${quoteForShell(stdin ?? "")}\n`;
}

/** `text` as one word of a POSIX shell. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
