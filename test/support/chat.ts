import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox, type Turn, type TurnEvent } from "@glovebox/sdk";
import { afterAll, beforeAll } from "vitest";
import { type ModelServer, startModelServer } from "../../packages/glovebox/src/models/testing/model-server.ts";
import { RawClient } from "./http.ts";
import { startServer, type TestServer } from "./server.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface ChatStageOptions {
  /** By name: what is not said is the default, but the model, which is the stage's. */
  readonly assistants: Readonly<Record<string, Fields>>;
  /** Files of the folder that `{folder}` in an assistant's text stands for. */
  readonly files?: Readonly<Record<string, string>>;
  /** More of the configuration, as YAML. */
  readonly config?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A server with assistants in a folder of its own, whose models are a real HTTP server of this process. */
export interface ChatStage {
  readonly model: ModelServer;
  readonly server: TestServer;
  readonly box: Glovebox;
  readonly http: RawClient;
  readonly folder: string;
  /** Says one thing. */
  say(assistant: string, text: string, conversationId?: string): Promise<Turn>;
  /** Ends the server as a power cut would, and starts another one on the same data. */
  restart(): Promise<void>;
}

export function useChat(options: ChatStageOptions): ChatStage {
  let stage: Awaited<ReturnType<typeof openChat>> | undefined;
  beforeAll(async () => {
    stage = await openChat(options);
  });
  afterAll(async () => stage?.close());
  const current = () => {
    if (stage === undefined) throw new Error("the server is started before the first test");
    return stage;
  };
  return {
    get model() {
      return current().model;
    },
    get server() {
      return current().server();
    },
    get box() {
      return current().box();
    },
    get http() {
      return new RawClient({ url: current().server().url, token: current().token });
    },
    get folder() {
      return current().folder;
    },
    say: (assistant, text, conversationId) =>
      current()
        .box()
        .chat({ assistant, messages: [{ role: "user", text }], conversationId }),
    restart: () => current().restart(),
  };
}

async function openChat({ assistants, files = {}, config = "", env = {} }: ChatStageOptions) {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-chat-"));
  const model = await startModelServer({ text: "Hello." });
  const place = join(folder, "assistants");
  await mkdir(place);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  for (const [name, fields] of Object.entries(assistants)) {
    const whole = { name, model: { provider: "openai", name: "tiny", baseUrl: `${model.url}/v1` }, ...fields };
    // JSON is YAML.
    await writeFile(join(place, `${name}.yaml`), JSON.stringify(whole).replaceAll("{folder}", folder));
  }
  const file = join(folder, "glovebox.yaml");
  await writeFile(file, `chat: {assistants: ${place}}\n${config}`);
  const start = () => startServer({ args: ["--config", file], dataDir: join(folder, "data"), env });
  let server = await start();
  const first = await Glovebox.connect(server);
  // The one of `up` stands for its process.
  const token = (await first.tokens.create({ name: "tester", roles: ["admin"] })).secret;
  let box = new Glovebox({ url: server.url, token });
  return {
    folder,
    model,
    token,
    server: () => server,
    box: () => box,
    restart: async () => {
      await server.kill();
      server = await start();
      box = new Glovebox({ url: server.url, token });
    },
    close: async () => {
      // Sandboxes outlive a server: with its folder gone nobody would end them.
      for await (const { id } of box.sessions.listAll({ status: ["starting", "ready", "paused"] })) {
        await (await box.sessions.get(id)).close().catch(() => {});
      }
      await server[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A model's answer with code that is meant to run. */
export function answerWith(code: string, language = "python"): string {
  return `Running this now:\n\n\`\`\`${language}\n${code}\n\`\`\`\n`;
}

/** Reads until an event is of that type; gives all so far. */
export async function eventsUntil(
  events: AsyncIterable<TurnEvent>,
  type: TurnEvent["type"],
): Promise<readonly TurnEvent[]> {
  const seen: TurnEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    if (event.type === type) return seen;
  }
  throw new Error(`it ended without ${type}: ${seen.map((event) => event.type).join(", ")}`);
}
