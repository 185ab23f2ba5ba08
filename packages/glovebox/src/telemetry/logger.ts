import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";
import type { Logger, Redactor } from "../core/index.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Masks secrets in messages and fields. */
  readonly redactor: Redactor;
  /** Where the lines go. Default: stderr, so that stdout stays for answers. */
  readonly output?: DestinationStream;
  /** On every line, e.g. the node's id. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface ServerLogger extends Logger {
  /** Resolves once every line so far is written. */
  flush(): Promise<void>;
}

const MAX_STRING = 8192;
const MAX_CAUSES = 4;

/** A logger that writes one JSON object a line: `time` (RFC 3339), `level`, `message`, and the fields, masked. */
export function createLogger(options: LoggerOptions): ServerLogger {
  const output = options.output ?? destination({ fd: 2, sync: false, minLength: 0 });
  const root = pino(
    {
      level: options.level,
      base: mask(options.redactor, options.fields ?? {}),
      messageKey: "message",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  return {
    ...wrap(root, options.redactor),
    flush: () => new Promise((resolve) => root.flush(() => resolve())),
  };
}

function wrap(logger: PinoLogger, redactor: Redactor): Logger {
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (fields: Record<string, unknown>, message: string): void => {
      if (logger.isLevelEnabled(level)) logger[level](mask(redactor, fields), redactor.redact(message));
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => wrap(logger.child(mask(redactor, fields)), redactor),
  };
}

/** Fields with errors made readable, long texts cut and secrets masked. */
function mask(redactor: Redactor, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) plain[key] = toPlain(value);
  return redactor.redactJson(plain);
}

function toPlain(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return cut(value);
  if (!(value instanceof Error)) return value;
  const code = "code" in value && typeof value.code === "string" ? { code: value.code } : {};
  const cause = value.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: toPlain(value.cause, depth + 1) };
  return { type: value.name, message: cut(value.message), ...code, stack: cut(value.stack ?? ""), ...cause };
}

function cut(text: string): string {
  return text.length > MAX_STRING ? `${text.slice(0, MAX_STRING)}…` : text;
}
