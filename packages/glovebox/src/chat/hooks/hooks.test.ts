import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hook, HookContext } from "./hook.ts";
import { httpHooks, signatureOf } from "./http-hook.ts";
import { moduleHooks } from "./module-hooks.ts";
import { runChain } from "./run-chain.ts";

const CONTEXT: HookContext = {
  tenantId: "acme",
  conversationId: "c",
  runId: "r",
  assistant: "a",
  request: "do it",
  signal: new AbortController().signal,
};
const CODE = { language: "python", code: "print(1)" } as const;

function hook(name: string, run: Hook<"pre_execution">["run"], timeoutMs = 5_000): Hook {
  return { name, point: "pre_execution", run, timeoutMs } as Hook;
}
const chain = (hooks: readonly Hook[], context = CONTEXT) => runChain("pre_execution", hooks, CODE, context);
const append = (line: string) =>
  hook(line, ({ language, code }) => ({
    decision: "modify",
    value: { language, code: `${code}\n${line}` },
    reason: "so",
  }));

describe("a chain of hooks", () => {
  it("passes on what a hook puts in its place, in order", async () => {
    const seen: string[] = [];
    const look = hook("look", ({ code }) => {
      seen.push(code);
      return { decision: "allow", notes: [{ code: "n", message: "looked" }] };
    });
    const result = await chain([append("a"), look, append("b"), look]);
    expect(result).toMatchObject({ outcome: "allow", value: { code: "print(1)\na\nb" } });
    expect(seen).toEqual(["print(1)\na", "print(1)\na\nb"]);
    expect(result.decisions.map(({ hook: name, decision }) => `${name} ${decision}`)).toEqual([
      "a modify",
      "look allow",
      "b modify",
      "look allow",
    ]);
    expect(result.decisions[1]?.notes).toEqual([{ code: "n", message: "looked" }]);
  });

  it("ends at the first block, also after something was put in its place", async () => {
    let later = 0;
    const count = hook("later", () => {
      later += 1;
      return { decision: "allow" };
    });
    const block = hook("no", () => ({ decision: "block", reason: "never" }));
    expect(await chain([append("a"), block, count])).toMatchObject({ outcome: "block", hook: "no", reason: "never" });
    const question = hook("may", () => ({ decision: "ask", prompt: "may it?" }));
    expect(await chain([append("a"), question, count])).toMatchObject({
      outcome: "ask",
      prompt: "may it?",
      value: { code: "print(1)\na" },
    });
    expect(later).toBe(0);
  });

  it("leaves out hooks of other points", async () => {
    const other = { name: "other", point: "post_llm", run: () => ({ decision: "block", reason: "x" }) } as Hook;
    expect(await chain([other])).toEqual({ outcome: "allow", value: CODE, decisions: [] });
  });

  it("is blocked by a hook that throws, hangs, or answers nonsense", async () => {
    const wrong: Record<string, Hook> = {
      throws: hook("throws", () => {
        throw new Error("broken");
      }),
      rejects: hook("rejects", () => Promise.reject("text")),
      hangs: hook("hangs", () => new Promise(() => {}), 20),
      ...Object.fromEntries(
        [
          undefined,
          null,
          "allow",
          {},
          { decision: "maybe" },
          { decision: "block" },
          { decision: "modify", value: 1 },
        ].map((answer, index) => [`nonsense ${index}`, hook(`nonsense ${index}`, () => answer as never)]),
      ),
      more: hook("more", () => ({ decision: "allow", extra: 1 }) as never),
      language: hook("language", () => ({ decision: "modify", value: { language: "cobol", code: "" } }) as never),
    };
    for (const [name, one] of Object.entries(wrong)) {
      const result = await chain([one]);
      expect({ name, outcome: result.outcome }).toEqual({ name, outcome: "block" });
      expect(result.decisions).toMatchObject([{ decision: "block", hook: name }]);
    }
  });

  it("shows each hook a copy", async () => {
    const vandal = hook("vandal", (subject) => {
      (subject as { code: string }).code = "rm -rf /";
      return { decision: "allow" };
    });
    expect(await chain([vandal])).toMatchObject({ outcome: "allow", value: CODE });
  });

  it("ends with the turn", async () => {
    const stop = new AbortController();
    const hanging = chain([hook("hangs", () => new Promise(() => {}))], { ...CONTEXT, signal: stop.signal });
    stop.abort(new Error("the turn is over"));
    await expect(hanging).rejects.toThrow("the turn is over");
  });
});

describe("a hook behind an endpoint", () => {
  let url: string;
  let answer: (body: string, request: IncomingMessage, response: ServerResponse) => void;
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (piece: string) => {
      body += piece;
    });
    request.on("end", () => answer(body, request, response));
  });
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const hooks = (timeoutMs: number) => httpHooks({ url, secret: "shared", points: ["pre_execution"], timeoutMs });

  it("is asked with a signature that only the two can make", async () => {
    answer = (body, { headers }, response) => {
      const timestamp = String(headers["x-glovebox-timestamp"]);
      const isSigned = headers["x-glovebox-signature"] === signatureOf("shared", timestamp, body);
      const isFresh = Math.abs(Date.now() / 1_000 - Number(timestamp)) < 60;
      const { point, subject, context } = JSON.parse(body) as Record<string, { code?: string; tenantId?: string }>;
      const isAll = String(point) === "pre_execution" && subject?.code === "print(1)" && context?.tenantId === "acme";
      response.end(
        JSON.stringify(isSigned && isFresh && isAll ? { decision: "allow" } : { decision: "block", reason: "no" }),
      );
    };
    expect(await chain(hooks(20_000))).toMatchObject({ outcome: "allow" });
  });

  it("blocks when it answers anything but an answer, or not at all", async () => {
    const wrong: Record<string, typeof answer> = {
      status: (_body, _request, response) => response.writeHead(500).end(JSON.stringify({ decision: "allow" })),
      redirect: (_body, _request, response) => response.writeHead(302, { location: url }).end(),
      text: (_body, _request, response) => response.end("allow"),
      silence: () => {},
      flood: (_body, _request, response) => {
        response.end(" ".repeat(9 * 1_048_576));
      },
      death: (_body, _request, response) => response.destroy(),
    };
    for (const [name, way] of Object.entries(wrong)) {
      answer = way;
      const { outcome } = await chain(hooks(300));
      expect({ name, outcome }).toEqual({ name, outcome: "block" });
    }
  });
});

describe("a module of hooks", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "glovebox-hooks-"));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const module = async (name: string, source: string) => {
    const path = join(dir, name);
    await writeFile(path, source);
    return path;
  };

  it("gives its hooks", async () => {
    const run = 'run: () => ({ decision: "block", reason: "by module" })';
    const one = await module("one.mjs", `export default { name: "one", point: "pre_execution", ${run} };`);
    expect(await chain(await moduleHooks(one))).toMatchObject({ outcome: "block", hook: "one", reason: "by module" });
    const list = await module("list.mjs", `const h = { name: "h", point: "post_llm", ${run} }; export default [h, h];`);
    expect(await moduleHooks(list)).toHaveLength(2);
  });

  it("is refused when it is none", async () => {
    const wrong = {
      "syntax.mjs": "export default {",
      "nothing.mjs": "export const a = 1;",
      "point.mjs": 'export default { name: "x", point: "before", run() {} };',
      "run.mjs": 'export default { name: "x", point: "pre_llm" };',
      "time.mjs": 'export default { name: "x", point: "pre_llm", timeoutMs: -1, run() {} };',
    };
    for (const [name, source] of Object.entries(wrong)) {
      const path = await module(name, source);
      await expect(moduleHooks(path)).rejects.toMatchObject({ code: "invalid_argument", details: { path } });
    }
    await expect(moduleHooks(join(dir, "absent.mjs"))).rejects.toMatchObject({ code: "invalid_argument" });
  });
});
