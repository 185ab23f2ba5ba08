import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TurnBlock, TurnEvent, TurnResult } from "../../../chat/index.ts";
import { GloveboxError, isGloveboxError } from "../../../core/index.ts";
import { CompletionRequest } from "../../operations/openai.ts";
import { answerText } from "./answer-text.ts";
import { chunksOf } from "./chunks.ts";
import { completionOf } from "./completion.ts";
import { toOpenAiError } from "./error-body.ts";
import { turnOf } from "./read-request.ts";

const frame = { id: "chatcmpl-1", created: 1, model: "py" };
const result: TurnResult = {
  runId: "r",
  conversationId: "c",
  assistant: "py",
  model: "tiny",
  status: "completed",
  text: "Words.",
  blocks: [],
  executions: [],
  decisions: [],
  usage: { inputTokens: 1, outputTokens: 2 },
};
const block: TurnBlock = {
  index: 0,
  language: "python",
  code: "print(1)",
  start: 0,
  end: 5,
  confidence: 1,
  decision: "executed",
  reason: "because",
  notes: [],
};
const execution = { id: "e", block: 0, language: "python", status: "ok", stderr: "", truncated: false } as const;

describe("the answer's text", () => {
  test("has what came out in a fence that the output cannot close", () => {
    const stdout = "```` and\n```\nmore\n";
    const text = answerText({ ...result, blocks: [block], executions: [{ ...execution, stdout, rolledBack: false }] });
    expect(text).toBe(`Words.\n\n**python: ok**\n\n\`\`\`\`\`text\n${stdout}\`\`\`\`\``);
  });

  test("says what was not run, and why; what was only shown needs no words, and tools' code is the model's to tell", () => {
    const of = (more: Partial<TurnBlock>) => answerText({ ...result, text: "W\n", blocks: [{ ...block, ...more }] });
    expect(of({ decision: "blocked", reason: "no\nway", rule: "python.x" })).toBe("W\n\n> Not run: no way (python.x)");
    expect(of({ decision: "disabled", reason: "it is off" })).toBe("W\n\n> Not run: it is off");
    expect(of({ decision: "shown" })).toBe("W\n");
    const { start: _start, ...tool } = block;
    expect(answerText({ ...result, blocks: [{ ...tool, decision: "refused" }] })).toBe("Words.");
  });

  test("tells a failure with its exit code, what was cut and what was rolled back", () => {
    const failed = {
      ...execution,
      status: "error",
      exitCode: 3,
      stdout: "",
      truncated: true,
      rolledBack: true,
    } as const;
    expect(answerText({ ...result, blocks: [block], executions: [failed] })).toBe(
      "Words.\n\n**python: error, exit code 3, cut, rolled back**",
    );
  });
});

async function chunks(events: readonly TurnEvent[], kept = false) {
  async function* source() {
    yield* events;
  }
  const all: unknown[] = [];
  const options = { includeUsage: false, kept };
  for await (const chunk of chunksOf(frame, source(), options, ({ status }) => ({ failed: status }))) all.push(chunk);
  const contents = all.map(
    (chunk) => (chunk as { choices?: { delta: { content?: string } }[] }).choices?.[0]?.delta.content,
  );
  return { all, text: contents.join("") };
}

describe("chunks", () => {
  const done: TurnEvent = { type: "completed", result };

  test("give the same text as the whole answer, also where part of it came before anybody looked", async () => {
    const said = (text: string): TurnEvent => ({ type: "text", text, attempt: 1 });
    for (const events of [[said("Wor"), said("ds."), done], [said("Wor"), done], [done]]) {
      expect((await chunks(events)).text).toBe(answerText(result));
    }
  });

  test("say where the model began again", async () => {
    const { text } = await chunks([
      { type: "text", text: "Wo", attempt: 1 },
      { type: "text", text: "Words.", attempt: 2 },
      done,
    ]);
    expect(text).toMatch(/^Wo\n\n\[.*begins again.*\]\n\nWords\.$/);
  });

  test("end with the failure of the turn, or with the conversation's id where it is kept", async () => {
    const failed = await chunks([{ type: "completed", result: { ...result, status: "error" } }]);
    expect(failed.all.at(-1)).toEqual({ failed: "error" });
    expect((await chunks([done], true)).all.at(-1)).toMatchObject({
      choices: [{ finish_reason: "stop" }],
      metadata: { conversation_id: "c" },
    });
  });
});

test("why an answer ended is told in OpenAI's words", () => {
  const reason = (more: Partial<TurnResult>) => completionOf(frame, { ...result, ...more }, false).choices[0];
  expect(reason({ finish: "length" })?.finish_reason).toBe("length");
  expect(reason({ finish: "filtered" })?.finish_reason).toBe("content_filter");
  const calls = reason({ text: "", toolCalls: [{ id: "t", name: "f", input: "no json" }], finish: "tools" });
  expect(calls).toMatchObject({
    finish_reason: "tool_calls",
    message: { content: null, tool_calls: [{ id: "t", function: { name: "f", arguments: "no json" } }] },
  });
});

test("errors have OpenAI's shape, and hide the inside as ours do", () => {
  const of = (error: GloveboxError) => toOpenAiError(error, "req").error;
  expect(of(new GloveboxError("invalid_argument", "no", { details: { path: "messages.0" } }))).toEqual({
    message: "no",
    type: "invalid_request_error",
    param: "messages.0",
    code: "invalid_argument",
  });
  expect(of(new GloveboxError("internal", "a secret"))).toMatchObject({ type: "server_error", code: "internal" });
  expect(of(new GloveboxError("internal", "a secret")).message).not.toContain("secret");
  expect(of(new GloveboxError("rate_limited", "slow"))).toMatchObject({
    type: "rate_limit_error",
    code: "rate_limit_exceeded",
  });
});

describe("requests", () => {
  const parse = (more: object) => turnOf(CompletionRequest.parse({ model: "py", ...more }));
  const messages = [
    { role: "system", content: "Be brief." },
    {
      role: "user",
      content: [
        { type: "text", text: "What " },
        { type: "text", text: "now?" },
      ],
    },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "t", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
    },
    { role: "tool", tool_call_id: "t", content: "done" },
  ];

  test("become turns", () => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const asked = { messages, tools, tool_choice: "required", max_tokens: 9, max_completion_tokens: 8, temperature: 0 };
    expect(parse({ ...asked, unknown: { to: "us" } })).toEqual({
      assistant: "py",
      messages: [
        { role: "user", text: "What now?" },
        { role: "assistant", text: "", toolCalls: [{ id: "t", name: "f", input: { a: 1 } }] },
        { role: "tool", callId: "t", name: "f", text: "done" },
      ],
      ask: {
        instructions: "Be brief.",
        temperature: 0,
        maxTokens: 8,
        tools: [{ name: "f", description: "", inputSchema: { type: "object", properties: {} } }],
        toolChoice: "required",
      },
    });
  });

  test("of a kept conversation bring what is new since its last answer", () => {
    const id = "01900000-0000-7000-8000-000000000000";
    const known = { messages, metadata: { conversation_id: id, other: "x" } };
    expect(parse(known)).toMatchObject({ conversationId: id, messages: [{ role: "tool", text: "done" }] });
    const nothing = { ...known, messages: messages.slice(0, 3) };
    expect(() => parse(nothing)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  test("of any kind are turns, or refused with a code", () => {
    const text = fc.string({ maxLength: 20 });
    const message = fc.record(
      {
        role: fc.constantFrom("system", "user", "assistant", "tool", "developer", "other"),
        content: fc.oneof(text, fc.constant(null), fc.array(fc.record({ type: fc.constant("text"), text }))),
        tool_call_id: text,
        tool_calls: fc.array(
          fc.record({ id: text, type: fc.constant("function"), function: fc.record({ name: text, arguments: text }) }),
          { maxLength: 2 },
        ),
      },
      { requiredKeys: ["role"] },
    );
    const request = fc.record({ messages: fc.array(message, { maxLength: 6 }), n: fc.option(fc.nat(3)) });
    fc.assert(
      fc.property(request, (body) => {
        const parsed = CompletionRequest.safeParse({ model: "py", ...body });
        if (!parsed.success) return;
        try {
          const turn = turnOf(parsed.data);
          expect(["user", "tool"]).toContain(turn.messages.at(-1)?.role);
        } catch (error) {
          expect(isGloveboxError(error, "invalid_argument"), String(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
