import { resolve } from "node:path";
import { createChatServices, DEMO, type OpenChat, openAssistants } from "../chat/index.ts";
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
  readonly engine: DurableEngine;
  readonly logger: Logger;
  readonly redactor: Redactor;
}): Promise<OpenChat> {
  const { config, store, services, engine, logger, redactor } = parts;
  const folder = config.chat.assistants === undefined ? undefined : resolve(config.chat.assistants);
  const { profile, fields } = config.redaction;
  return createChatServices({
    store,
    engine,
    services,
    assistants: await openAssistants(folder, [DEMO]),
    redactor,
    outputRedactor: createRedactor(profile, { fields, emails: true }),
    redactorFor: ({ strict, emails }) => createRedactor(strict ? "strict" : "default", { fields, emails }),
    logger,
    clock: systemClock,
    env: process.env,
  });
}
