import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Reply } from "../../models/testing/model-server.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type ChatStage, openChatStage, says } from "../testing/chat-stage.ts";

/** Made of parts, so that neither the code nor this file has them. */
const PRINTS = "k = 'AKIA' + 'Q3EGZ7XW' + 'NP5RTLMC'\na = 'jane.doe' + '@' + 'corp.example'\n";
const SECRETS = ["AKIAQ3EGZ7XWNP5RTLMC", "jane.doe@corp.example"];
const TELL = `${PRINTS}print('key', k, 'mail', a, flush=True)\nprint(a)`;

describe("what programs print", { timeout: 120_000 }, () => {
  let at: ChatStage;
  beforeAll(async () => {
    at = await openChatStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());

  const everything = async (runId: string) => {
    const seen: unknown[] = [];
    for await (const event of at.chat.turns.follow(TENANT, runId)) seen.push(event);
    for await (const line of at.engine.export(TENANT, runId)) seen.push(line);
    const result = await at.result(runId);
    seen.push(result, await at.chat.conversations.get(TENANT, result.conversationId));
    return { result, text: JSON.stringify(seen) };
  };

  it("shows keys and addresses neither in the answer nor in the events, the conversation or the journal", async () => {
    at.model.reply({
      text: `${says(TELL)}\n${says(`${PRINTS}[k, a]`)}\n${says(`${PRINTS}raise ValueError(a + ' ' + k)`)}`,
    });
    const { result, text } = await everything(await at.start(at.assistant(), "run all"));
    expect(result.executions).toHaveLength(3);
    expect(result.executions[0]?.stdout).toMatch(/^key .+ mail .+\n/);
    for (const secret of SECRETS) expect(text).not.toContain(secret);
  });

  it("reaches no model either, whatever tool it comes from", async () => {
    const replies: Reply[] = [
      {
        toolCalls: [
          { name: "execute_code", input: { language: "python", code: `${TELL}\nopen('f', 'w').write(k + ' ' + a)` } },
        ],
      },
      { toolCalls: [{ name: "read_file", input: { path: "f" } }] },
      { text: "seen" },
    ];
    let round = 0;
    at.model.reply(() => {
      const reply = replies[round] ?? {};
      round += 1;
      return reply;
    });
    const assistant = at.assistant({ execution: { enabled: true, mode: "tool" } });
    const { result, text } = await everything(await at.start(assistant, "go"));
    expect(result).toMatchObject({ status: "completed", text: "seen", executions: [{ status: "ok" }] });
    for (const secret of SECRETS)
      expect(text + JSON.stringify(at.model.asked.map(({ body }) => body))).not.toContain(secret);
  });

  it("that users and models write is masked where it is a key", async () => {
    const key = SECRETS[0] ?? "";
    at.model.reply({ text: `Your key is ${key}, is it not?` });
    const { text } = await everything(await at.start(at.assistant(), `my key is ${key}`));
    expect(text).not.toContain(key);
    expect(JSON.stringify(at.model.asked.at(-1)?.body)).not.toContain(key);
  });

  it("keeps what an assistant is made of: names of variables are no secrets", async () => {
    at.env.OPENAI_API_KEY = "a-key-of-the-test";
    at.model.reply({ text: "fine" });
    const model = {
      provider: "openai",
      name: "tiny",
      baseUrl: `${at.model.url}/v1`,
      apiKeyEnv: "OPENAI_API_KEY",
    } as const;
    const { result, text } = await everything(await at.start(at.assistant({ model }), "hi"));
    expect(result.status).toBe("completed");
    expect(at.model.asked.at(-1)?.headers.authorization).toBe("Bearer a-key-of-the-test");
    expect(text).toContain("OPENAI_API_KEY");
    expect(text).not.toContain("a-key-of-the-test");
  });
});
