import { resolve } from "node:path";
import { createChatServices, DEMO, type OpenChat, openAssistants, type ProjectServices } from "../chat/index.ts";
import type { Config } from "../config/index.ts";
import { type Logger, type Redactor, systemClock } from "../core/index.ts";
import type { DurableEngine } from "../engine/index.ts";
import { createRedactor } from "../governance/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";

/** The chat over the engine, with the assistants of the configuration. Turns that the last server left go on before it resolves. */
export async function openChat(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly services: SessionServices;
  readonly runs: DurableEngine;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** Agents and flows, once they are open: the tools of turns that the last server left wait for them. */
  readonly late: { readonly project: { readonly promise: Promise<ProjectServices> } };
}): Promise<OpenChat> {
  const { config, store, services, runs, logger, redactor, late } = parts;
  const folder = config.chat.assistants === undefined ? undefined : resolve(config.chat.assistants);
  const { profile, fields } = config.redaction;
  return createChatServices({
    store,
    engine: runs,
    services,
    assistants: await openAssistants(folder, [DEMO]),
    redactor,
    outputRedactor: createRedactor(profile, { fields, emails: true }),
    redactorFor: ({ strict, emails }) => createRedactor(strict ? "strict" : "default", { fields, emails }),
    logger,
    clock: systemClock,
    env: process.env,
    project: (signal) => untilAborted(late.project.promise, signal),
  });
}

/** The promise's value, or the signal's reason if that comes first. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
