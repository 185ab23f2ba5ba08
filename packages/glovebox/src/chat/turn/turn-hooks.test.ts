import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import type { HookPoint } from "../hooks/hook.ts";
import { signatureOf } from "../hooks/http-hook.ts";
import { type ChatStage, openChatStage, says, until } from "../testing/chat-stage.ts";

describe("hooks in a turn", { timeout: 120_000 }, () => {
  let at: ChatStage;
  beforeAll(async () => {
    at = await openChatStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());

  let modules = 0;
  /** A module of hooks, as an operator writes them; gives the assistant that has it. */
  const withHooks = async (...hooks: readonly (readonly [HookPoint, string])[]) => {
    modules += 1;
    const path = join(at.stage.dir, `hooks-${modules}.mjs`);
    const all = hooks.map(
      ([point, run], index) => `{ name: "h${index}", point: "${point}", run: (subject) => (${run}) }`,
    );
    await writeFile(path, `export default [${all.join(",\n")}];\n`);
    return at.assistant({ hooks: [{ module: path }], execution: { enabled: true } });
  };
  const ask = (assistant: string, code = "print('hello')") => {
    at.model.reply({ text: says(code) });
    return at.ask(assistant, "run it");
  };

  it("see and change what the model is asked", async () => {
    const asked = at.model.asked.length;
    const blocked = await withHooks(["pre_llm", `{ decision: "block", reason: "no" }`]);
    expect(await ask(blocked)).toMatchObject({
      status: "error",
      error: { code: "policy_denied", message: /h0 blocks: no/ },
      text: "",
      decisions: [{ hook: "h0", point: "pre_llm", decision: "block" }],
    });
    expect(at.model.asked.length).toBe(asked);
    const changing = await withHooks([
      "pre_llm",
      `{ decision: "modify", value: { messages: [{ role: "user", text: "something else" }] }, reason: "so" }`,
    ]);
    expect(await ask(changing)).toMatchObject({ status: "completed" });
    expect(at.model.asked.at(-1)?.body.messages).toMatchObject([{ content: "something else" }]);
  });

  it("see and change what it answers, before anybody else does", async () => {
    const changing = await withHooks([
      "post_llm",
      `{ decision: "modify", value: { text: subject.text.replace("hello", "changed") } }`,
    ]);
    at.model.reply({ text: says("print('hello')") });
    const runId = await at.start(changing, "run it");
    let told = "";
    for await (const event of at.chat.turns.follow(TENANT, runId)) if (event.type === "text") told += event.text;
    const result = await at.result(runId);
    expect(result.executions).toMatchObject([{ stdout: "changed\n" }]);
    expect(told).toBe(result.text);
    const blocking = await withHooks(["post_llm", `{ decision: "block", reason: "not that" }`]);
    expect(await ask(blocking)).toMatchObject({ status: "error", text: "", executions: [] });
  });

  it("see and change code before it runs; what they put there is held to the rules, and a later one may block it", async () => {
    const changing = await withHooks([
      "pre_execution",
      `{ decision: "modify", value: { ...subject, code: "print('other')" } }`,
    ]);
    expect(await ask(changing)).toMatchObject({
      blocks: [{ code: "print('other')" }],
      executions: [{ stdout: "other\n" }],
    });
    const evil = `{ decision: "modify", value: { language: "bash", code: "rm -rf /home" } }`;
    expect(await ask(await withHooks(["pre_execution", evil]))).toMatchObject({
      blocks: [{ decision: "blocked", rule: "bash.delete-root" }],
    });
    const then = await withHooks(
      ["pre_execution", `{ decision: "modify", value: { ...subject, code: "print(2)" } }`],
      ["pre_execution", `subject.code === "print(2)" ? { decision: "block", reason: "seen" } : { decision: "allow" }`],
    );
    expect(await ask(then)).toMatchObject({
      blocks: [{ decision: "blocked", reason: "the hook h1 blocks: seen" }],
      executions: [],
      decisions: [{ decision: "modify" }, { decision: "block" }],
    });
  });

  it("that ask do not spare those behind them", async () => {
    const assistant = await withHooks(
      ["pre_execution", `{ decision: "ask", prompt: "sure?" }`],
      ["pre_execution", `{ decision: "block", reason: "never" }`],
    );
    expect(await ask(assistant)).toMatchObject({ blocks: [{ decision: "blocked", reason: /never/ }] });
    expect((await at.chat.approvals.list(TENANT, { status: "pending" })).items).toEqual([]);
  });

  it("see and change what came out, and the journal has nothing else", async () => {
    const changing = await withHooks([
      "post_execution",
      `{ decision: "modify", value: { ...subject, stdout: subject.stdout.replaceAll("PRIVATE-7", "***") } }`,
    ]);
    const code = "print('PRIVATE-' + str(7))\n'PRIVATE-' + str(3 + 4)";
    const result = await ask(changing, code);
    expect(result.executions).toMatchObject([{ stdout: "***\n***\n" }]);
    let journal = "";
    for await (const line of at.engine.export(TENANT, result.runId)) journal += line;
    expect(journal).not.toContain("PRIVATE-7");
    const withholding = await withHooks(["post_execution", `{ decision: "block", reason: "private" }`]);
    const withheld = await ask(withholding, code);
    expect(withheld.executions).toMatchObject([
      { status: "ok", stdout: "", stderr: /withheld: the hook h0 blocks: private/ },
    ]);
    expect(withheld.executions[0]?.value).toBeUndefined();
  });

  it("may want a person to see first what came out, or went in", async () => {
    for (const point of ["pre_llm", "post_llm", "pre_execution", "post_execution"] as const) {
      const assistant = await withHooks([point, `{ decision: "ask", prompt: "may ${point}?" }`]);
      for (const decision of ["approve", "refuse"] as const) {
        at.model.reply({ text: says("print('hello')") });
        const runId = await at.start(assistant, "run it");
        const pending = async () => (await at.chat.approvals.list(TENANT, { status: "pending" })).items;
        await until(async () => (await pending()).length > 0);
        const [approval] = await pending();
        expect(approval).toMatchObject({ runId, prompt: `may ${point}?` });
        await at.chat.approvals.decide(TENANT, approval?.id ?? "", { decision, by: "ann", reason: "because" });
        const result = await at.result(runId);
        const shown = result.executions.map(({ stdout }) => stdout).join("");
        expect(shown, `${point} ${decision}`).toBe(decision === "approve" ? "hello\n" : "");
        if (decision === "refuse") expect(JSON.stringify(result)).toContain("refused by ann: because");
      }
    }
  });

  it("that fail block, and modules that cannot be loaded let nothing pass", async () => {
    const throwing = await withHooks(["pre_execution", `(() => { throw new Error("broken") })()`]);
    expect(await ask(throwing)).toMatchObject({ blocks: [{ decision: "blocked", reason: /broken/ }] });
    const missing = at.assistant({ hooks: [{ module: join(at.stage.dir, "none.mjs") }] });
    expect(await ask(missing)).toMatchObject({ status: "error", error: { code: "invalid_argument" } });
    const unknown = at.assistant({ hooks: [{ builtin: "no-such" }] });
    expect(await ask(unknown)).toMatchObject({ status: "error", error: { code: "invalid_argument" } });
  });

  it("may be endpoints, with a signature and a time limit, and built in ones", async () => {
    const seen: { readonly point: string; readonly isSigned: boolean }[] = [];
    let answers = true;
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const piece of request.setEncoding("utf8")) body += piece as string;
      const signature = signatureOf("shared", String(request.headers["x-glovebox-timestamp"]), body);
      seen.push({ point: JSON.parse(body).point, isSigned: request.headers["x-glovebox-signature"] === signature });
      if (answers)
        response.end(JSON.stringify({ decision: "allow", notes: [{ code: "seen", message: "by the endpoint" }] }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
      const hook = { url, secretEnv: "HOOK_SECRET", points: ["pre_execution" as const], timeoutMs: 2_000 };
      const assistant = at.assistant({ hooks: [hook], execution: { enabled: true } });
      expect(await ask(assistant)).toMatchObject({ status: "error", error: { code: "invalid_argument" } });
      at.env.HOOK_SECRET = "shared";
      expect(await ask(assistant)).toMatchObject({ executions: [{ status: "ok" }] });
      expect(seen).toEqual([{ point: "pre_execution", isSigned: true }]);
      answers = false;
      const slow = at.assistant({ hooks: [{ ...hook, timeoutMs: 300 }], execution: { enabled: true } });
      expect(await ask(slow)).toMatchObject({ blocks: [{ decision: "blocked", reason: /longer than 300 ms/ }] });
    } finally {
      server.closeAllConnections();
      server.close();
    }
    const builtin = at.assistant({
      hooks: [{ builtin: "limits", options: { maxLength: 5 } }],
      execution: { enabled: true },
    });
    expect(await ask(builtin)).toMatchObject({ blocks: [{ decision: "blocked", reason: /the hook limits/ }] });
  });
});
