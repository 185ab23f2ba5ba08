import type { z } from "zod";
import { type Redactor, silentLogger, systemClock } from "../../core/index.ts";
import { type DurableEngine, openEmbeddedEngine } from "../../engine/index.ts";
import { createRedactor } from "../../governance/index.ts";
import { type ModelServer, startModelServer } from "../../models/testing/model-server.ts";
import { Sandboxes } from "../../runs/index.ts";
import { openStage, type Stage, TENANT } from "../../sessions/testing/stage.ts";
import { Assistant } from "../assistants/assistant.ts";
import { createChatServices, type OpenChat } from "../create-chat-services.ts";
import type { TurnInput, TurnResult } from "../services.ts";

/** What a test says of an assistant; the rest is as in a file that leaves it out. */
export type AssistantDraft = Partial<Omit<z.input<typeof Assistant>, "name">>;

/** The room over real parts, wired as the server has it, and a model's server. */
export interface ChatStage extends AsyncDisposable {
  readonly stage: Stage;
  readonly model: ModelServer;
  readonly env: Record<string, string>;
  /** Those that are open now. */
  readonly engine: DurableEngine;
  readonly chat: OpenChat;
  /** Makes an assistant known, asked by OpenAI's protocol of {@link model}, with execution on; gives its name. */
  assistant(draft?: AssistantDraft): string;
  /** Asks, and waits for the end. */
  ask(assistant: string, text: string, more?: Partial<TurnInput>): Promise<TurnResult>;
  start(assistant: string, text: string, more?: Partial<TurnInput>): Promise<string>;
  result(runId: string): Promise<TurnResult>;
  /** Closes engine and room, as a server that stops does, and opens others. */
  reopen(): Promise<void>;
}

export async function openChatStage(options: { readonly redactor?: Redactor } = {}): Promise<ChatStage> {
  await using opened = new AsyncDisposableStack();
  const { redactor = createRedactor("default") } = options;
  const stage = opened.use(await openStage({ redactor }));
  const model = opened.use(await startModelServer());
  const env: Record<string, string> = {};
  const known = new Map<string, Assistant>();
  const assistants = {
    list: () => [...known.values()],
    get: (name: string) => known.get(name) ?? fail(`no assistant ${name}`),
    reload: async () => [...known.values()],
  };
  const sandboxes = new Sandboxes(stage.services, (tenantId, id) => now.engine.journal(tenantId, id));
  const open = async () => {
    const late: { chat?: OpenChat } = {};
    const engine = await openEmbeddedEngine({
      store: stage.store,
      determinism: "strict",
      redactor,
      onEnd: async (run) => {
        await late.chat?.onRunEnd(run);
        await sandboxes.closeAll(run.tenantId, run.id);
      },
    });
    const chat = createChatServices({
      store: stage.store,
      engine,
      services: stage.services,
      assistants,
      redactor,
      outputRedactor: createRedactor("default", { emails: true }),
      redactorFor: ({ strict, emails }) => createRedactor(strict ? "strict" : "default", { emails }),
      logger: silentLogger,
      clock: systemClock,
      env,
    });
    late.chat = chat;
    await chat.takeUp();
    return { engine, chat };
  };
  let now = await open();
  opened.defer(() => now.engine.close());
  const resources = opened.move();
  const start = async (assistant: string, text: string, more: Partial<TurnInput> = {}) =>
    (await now.chat.turns.start(TENANT, { assistant, messages: [{ role: "user", text }], ...more })).runId;
  const result = (runId: string) => now.chat.turns.result(TENANT, runId, AbortSignal.timeout(60_000));
  return {
    stage,
    model,
    env,
    get engine() {
      return now.engine;
    },
    get chat() {
      return now.chat;
    },
    assistant: (draft = {}) => {
      const name = `assistant-${known.size + 1}`;
      const given = { provider: "openai", name: "tiny", baseUrl: `${model.url}/v1` } as const;
      known.set(name, Assistant.parse({ model: given, execution: { enabled: true }, ...draft, name }));
      return name;
    },
    ask: async (assistant, text, more) => result(await start(assistant, text, more)),
    start,
    result,
    reopen: async () => {
      await now.engine.close();
      now = await open();
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function fail(message: string): never {
  throw new Error(message);
}

/** Until `look` is true; a machine that is busy takes its time. */
export async function until(look: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 45_000;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error("waited too long");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A model's answer with a block of code that it says to run. */
export function says(code: string, language = "python"): string {
  return `Let me run this:\n\n\`\`\`${language}\n${code}\n\`\`\`\n`;
}
