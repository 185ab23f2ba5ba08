import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import type { Agent } from "../agent.ts";
import { changes, summary } from "../messages/make-message.ts";
import { type FlowStage, openFlowStage } from "../testing/flow-stage.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import { defineFlow } from "./define-flow.ts";

const Write = z.strictObject({ path: z.string(), content: z.string() });

/** Proposes a file. */
const writer: Agent<z.infer<typeof Write>> = {
  name: "writer",
  capabilities: ["codegen"],
  description: "writes",
  payload: Write,
  work: async ({ run }, { payload }) =>
    changes(
      await run.step("write", payload, ({ path, content }) => makeDiff([{ path, before: null, after: content }])),
    ),
};

const Say = z.strictObject({
  text: z.string().default(""),
  score: z.number().optional(),
  failures: z.number().default(0),
  uses: z.record(z.string(), z.number()).default({ tokens: 10 }),
});
const calls = new Map<string, number>();

/** Says what it is told, after it has failed so often. */
const speaker: Agent<z.infer<typeof Say>> = {
  name: "speaker",
  capabilities: ["x-say"],
  description: "says",
  payload: Say,
  work: async ({ run }, { payload: { text, score, failures, uses } }) => {
    const count = await run.step("count", { text }, (_input, { runId, spend }) => {
      const key = `${runId}/${text}`;
      calls.set(key, (calls.get(key) ?? 0) + 1);
      spend(uses);
      return calls.get(key) ?? 0;
    });
    if (count <= failures) throw new GloveboxError("conflict", `failure ${count}`);
    return summary(text, { data: { text, count, ...(score !== undefined && { score }) } });
  },
};

/** Waits for what nobody says. */
const waiter: Agent = {
  name: "waiter",
  capabilities: ["x-wait"],
  description: "waits",
  payload: z.unknown(),
  work: async ({ run }) => summary(String(await run.waitFor("nothing"))),
};

const hello = defineFlow({
  name: "hello",
  version: "1",
  description: "Says hello to somebody",
  repository: false,
  input: z.strictObject({ name: z.string().min(1) }),
  plan: [{ id: "say", kind: "agent", agent: "speaker" }],
  run: async (scope, { name }) => {
    const { delta } = await scope.agent({ id: "say", agent: "speaker", payload: { text: `Hello ${name}` } });
    await scope.report({ id: "say", agent: "speaker", status: "done", summary: "said it" });
    return { status: "completed", output: delta };
  },
});

const isDone = (id: string) => expect.objectContaining({ id, status: "done" });
const alone = (steps: string, head = "") => `name: test\nrepository: false\n${head}steps:\n${steps}`;

describe("flows", { timeout: 90_000 }, () => {
  let at: FlowStage;
  beforeAll(async () => {
    at = await openFlowStage({
      agents: [writer as Agent, speaker as Agent, waiter],
      flows: [hello],
      definitions: [alone("  - {agent: speaker, input: {text: filed}}\n").replace("name: test", "name: filed")],
      budget: { tokens: 1_000 },
    });
  });
  afterAll(() => at[Symbol.asyncDispose]());

  const yaml = (steps: string, given: { head?: string; input?: Record<string, unknown>; budget?: object } = {}) => {
    const { head, ...rest } = given;
    return at.run({ definition: alone(steps, head), ...rest });
  };

  it("are listed and told with their input, their plan and their budget", () => {
    expect(at.flows.list().map(({ name, kind }) => [name, kind])).toEqual([
      ["filed", "yaml"],
      ["hello", "built_in"],
    ]);
    expect(at.flows.get("hello")).toMatchObject({
      description: "Says hello to somebody",
      input: { properties: { name: { type: "string" } }, required: ["name"] },
      plan: { flow: "hello", steps: [{ id: "say", agent: "speaker" }], budget: { tokens: 1_000 } },
    });
    expect(() => at.flows.get("nope")).toThrow(/there is no flow/);
  });

  it("are run by name, in TypeScript and from files", async () => {
    expect(await at.run({ flow: "hello", input: { name: "Ada" } })).toMatchObject({
      status: "completed",
      flow: "hello",
      steps: [{ id: "say", agent: "speaker", status: "done", summary: "said it" }],
      branch: null,
      diff: "",
      tests: null,
      output: { text: "Hello Ada" },
    });
    expect(await at.run({ flow: "filed" })).toMatchObject({
      status: "completed",
      flow: "filed",
      output: { text: "filed" },
    });
  });

  it("are refused before they start: input, names, repositories, definitions", async () => {
    const refused = (request: Parameters<typeof at.flows.start>[1]) => expect(at.flows.start(TENANT, request)).rejects;
    await refused({ flow: "hello", input: {} }).toMatchObject({
      code: "invalid_argument",
      details: { path: "input.name" },
    });
    await refused({ flow: "nope" }).toMatchObject({ code: "not_found" });
    await refused({}).toMatchObject({ code: "invalid_argument" });
    const repository = { kind: "folder", path: "/etc" } as const;
    await refused({ flow: "hello", input: { name: "x" }, setup: { repository } }).toMatchObject({
      code: "invalid_argument",
      details: { path: "setup.repository" },
    });
    await refused({ definition: "name: x\nsteps: [{agent: writer, input: {path: a, content: b}}]\n" }).toMatchObject({
      details: { path: "setup.repository" },
    });
    await refused({ definition: alone("  - {id: a, needs: [a], agent: speaker}\n") }).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("line 4, column 20: steps wait for each other: a → a"),
    });
  });

  it("tell in a dry run what is wrong, or what they would do", async () => {
    const definition = alone(
      "  - {id: a, agent: speaker, budget: {tokens: 5}}\n  - {until: round > 1, steps: [{agent: x-say}]}\n",
      "budget: {toolCalls: 3}\n",
    );
    expect(await at.flows.validate(TENANT, { definition })).toEqual({
      ok: true,
      problems: [],
      plan: {
        flow: "test",
        version: "1",
        budget: { tokens: 1_000, toolCalls: 3 },
        steps: [
          { id: "a", kind: "agent", agent: "speaker", budget: { tokens: 5 } },
          {
            id: "until",
            kind: "until",
            note: "until round > 1",
            rounds: 3,
            steps: [{ id: "x_say", kind: "agent", agent: "x-say" }],
          },
        ],
      },
    });
    expect(await at.flows.validate(TENANT, { definition: alone("  - {agent: nobody}\n") })).toMatchObject({
      ok: false,
      problems: [{ line: 4, column: 13 }],
    });
    expect(await at.flows.validate(TENANT, { flow: "hello", input: { name: 3 } })).toMatchObject({
      ok: false,
      problems: [{ path: "input.name" }],
    });
  });

  it("pass on what steps came to, and skip what is not wanted", async () => {
    const view = await yaml(
      `  - {id: a, agent: speaker, input: {text: "\${{ input.word }}!"}}
  - {id: b, if: size(steps.a.text) > 100, agent: speaker}
  - {id: c, agent: speaker, input: {text: "\${{ steps.a.text }} \${{ steps.b.status }}"}}
`,
      {
        head: 'input: {word: {type: string, default: hi}}\noutput: {said: "${{ steps.c.text }}"}\n',
        input: { word: "ho" },
      },
    );
    expect(view).toMatchObject({
      status: "completed",
      output: { said: "ho! skipped" },
      steps: [
        { id: "a", status: "done", summary: "ho!" },
        { id: "b", status: "skipped" },
        { id: "c", status: "done" },
      ],
    });
    expect(await at.stage.engine.replay(TENANT, view.runId)).toMatchObject({ identical: true });
  });

  it("try again, go on without, or make good what failed", async () => {
    const retried = await yaml(
      "  - {id: a, agent: speaker, input: {text: again, failures: 2}, retry: {attempts: 3, delay_ms: 1}}\n",
    );
    expect(retried).toMatchObject({ status: "completed", steps: [{ id: "a", status: "done" }] });
    const failed = await yaml(
      "  - {id: a, agent: speaker, input: {text: once, failures: 9}, retry: {attempts: 2, delay_ms: 1}}\n  - {agent: speaker}\n",
    );
    expect(failed).toMatchObject({
      status: "failed",
      reason: "speaker: failure 2",
      steps: [{ id: "a", status: "failed", summary: "conflict: speaker: failure 2" }],
    });
    const made = await yaml(`  - {id: a, agent: speaker, input: {text: no, failures: 9}, on_error: continue}
  - {id: b, agent: speaker, input: {text: neither, failures: 9}, on_error: [{id: help, agent: speaker, input: {text: help}}]}
  - {id: c, agent: speaker, input: {text: "\${{ steps.a.error.code }} \${{ steps.b.status }}"}}
`);
    expect(made).toMatchObject({ status: "completed", output: { text: "conflict failed" } });
    expect(made.steps.map(({ id, status }) => `${id} ${status}`)).toEqual([
      "a failed",
      "b failed",
      "help done",
      "c done",
    ]);
  });

  it("work side by side, and make one of all: the best, the vote, all together", async () => {
    const branches = `[{id: x, agent: speaker, input: {text: one, score: 1}}, {id: y, agent: speaker, input: {text: two, score: 5}}, {id: z, agent: speaker, input: {text: one, score: 5}}, {id: bad, agent: speaker, input: {text: bad, failures: 1}, on_error: continue}]`;
    const view = await yaml(`  - {id: best, parallel: ${branches}, aggregate: {best: branch.output.score}}
  - {id: vote, parallel: [{agent: speaker, input: {text: one}}, {agent: speaker, input: {text: two}}, {agent: speaker, input: {text: one}}], aggregate: {vote: branch.text}, concurrency: 1}
  - {id: all, parallel: [{id: p, agent: speaker, input: {text: P}}, {id: q, agent: speaker, input: {text: Q}}], aggregate: concatenation}
  - {id: sum, parallel: [{id: r, agent: speaker, input: {text: R}}, {id: s, agent: speaker, input: {text: S}}], aggregate: {synthesis: {agent: speaker, input: {text: "\${{ steps.r.text + steps.s.text }}"}}}}
  - {agent: speaker, input: {text: "\${{ steps.best.chosen }} \${{ steps.vote.output.value }} \${{ steps.vote.output.votes }} \${{ steps.all.text }} \${{ steps.sum.text }}"}}
`);
    expect(view).toMatchObject({ output: { text: "y one 2 ## p\n\nP\n\n## q\n\nQ RS" } });
  });

  it("go through lists and rounds, in the order of their needs", async () => {
    const view = await yaml(
      `  - {id: each, for_each: input.words, concurrency: 2, steps: [{id: one, agent: speaker, input: {text: "\${{ index }}\${{ item }}"}}]}
  - {id: loop, until: "steps.turn.output.text == 'r2'", steps: [{id: turn, agent: speaker, input: {text: "r\${{ round }}"}}]}
  - {id: left, needs: [loop], agent: speaker, input: {text: L}}
  - {id: right, needs: [loop], agent: speaker, input: {text: R}}
  - {id: join, needs: [left, right], agent: speaker, input: {text: "\${{ steps.each.results.map(r, r.one.text) }} \${{ steps.left.text + steps.right.text }} \${{ steps.loop.output.rounds }}"}}
`,
      { head: "input: {words: list}\n", input: { words: ["a", "b", "c"] } },
    );
    expect(view).toMatchObject({ status: "completed", output: { text: '["0a","1b","2c"] LR 2' } });
    expect(view.steps.map(({ id }) => id)).toEqual([
      "each",
      "one.0",
      "one.1",
      "one.2",
      "loop",
      "turn.r1",
      "turn.r2",
      "left",
      "right",
      "join",
    ]);
    expect(await at.stage.engine.replay(TENANT, view.runId)).toMatchObject({ identical: true });
  });

  it("remember what they came to, in a document of the run for each item, as the dry run says", async () => {
    const definition = alone(
      `  - {id: say, agent: speaker, input: {text: "of \${{ input.about }}"}}
  - {id: each, for_each: "['a', 'b']", steps: [{id: note, remember: "\${{ steps.say.text }}: \${{ item }}", path: "notes/\${{ item }}.md", kind: lesson, metadata: {at: "\${{ index }}", by: flow}}]}
  - {id: data, name: all of it, remember: "\${{ steps.each.results }}", scope: run}
`,
      "input: {about: string}\n",
    );
    const { plan } = await at.flows.validate(TENANT, { definition });
    expect(plan?.steps[1]?.steps).toEqual([
      { id: "note", kind: "remember", note: "lesson notes/${{ item }}.md (global)" },
    ]);
    expect(plan?.steps[2]).toEqual({ id: "data", kind: "remember", note: "all of it, text (run)" });
    const view = await at.run({ definition, input: { about: "flows" } });
    expect(view).toMatchObject({ status: "completed", output: { output: { version: 1, state: "inserted" } } });
    expect(view.steps).toContainEqual({ id: "note.1", status: "done", summary: "inserted in version 1" });
    const { context, engine } = at.stage;
    const { hits } = await context.search(TENANT, { query: "flows", filter: "kind=lesson", strategy: "sparse" });
    expect(hits.map(({ path, chunk, metadata }) => [path, chunk, metadata]).toSorted()).toEqual([
      ["notes/a.md", "of flows: a", { at: 0, by: "flow" }],
      ["notes/b.md", "of flows: b", { at: 1, by: "flow" }],
    ]);
    const { items } = await context.list(TENANT, { scopes: [`run:${view.runId}`] });
    expect(items).toMatchObject([{ kind: "text", origin: `run:${view.runId}`, runId: view.runId }]);
    const { content } = await context.get(TENANT, items[0]?.id ?? "");
    expect(JSON.parse(content)[1].note).toMatchObject({ status: "done", output: { state: "inserted" } });
    const before = await context.revision();
    expect(await engine.replay(TENANT, view.runId)).toMatchObject({ identical: true });
    expect(await context.revision()).toBe(before);
  });

  it("remember nothing that cannot be a document", async () => {
    const bad = await yaml('  - {id: note, remember: x, path: "${{ input.path }}"}\n', {
      head: "input: {path: string}\n",
      input: { path: "../up" },
    });
    expect(bad).toMatchObject({ status: "failed", reason: expect.stringContaining("is not a relative path") });
  });

  it("ask people, who approve, answer, or are asked again", async () => {
    const definition = alone(`  - {id: which, ask: "Which?", choices: [red, blue]}
  - {id: sure, approve: "Sure about \${{ steps.which.answer }}?"}
  - {agent: speaker, input: {text: "\${{ steps.which.output.answer }}"}}
`);
    const { id } = await at.flows.start(TENANT, {
      definition: definition.replace("steps.which.answer", "steps.which.text"),
    });
    const asked = await at.until(id, ({ questions }) => questions.length > 0);
    expect(asked.questions).toEqual([{ id: "which", kind: "ask", text: "Which?", choices: ["red", "blue"] }]);
    await at.until(id, ({ status }) => status === "waiting");
    expect(await at.stage.engine.get(TENANT, id)).toMatchObject({ waitingFor: ["approval"] });
    const answer = (given: object) => at.flows.answer(TENANT, id, given);
    await expect(answer({ answer: "green" })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(answer({ approved: true })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(answer({ question: "sure", approved: true })).rejects.toMatchObject({ code: "not_found" });
    // What anybody may send past the service is no answer either.
    await at.stage.engine.signal(TENANT, id, "answer:which", { answer: "green" });
    await answer({ answer: "blue" });
    const again = await at.until(id, ({ questions }) => questions[0]?.id === "sure");
    expect(again.questions).toMatchObject([{ kind: "approve", text: "Sure about blue?" }]);
    await answer({ approved: true, comment: "yes" });
    expect(await at.until(id, ({ status }) => status === "completed")).toMatchObject({ output: { text: "blue" } });
    expect(await at.stage.engine.replay(TENANT, id)).toMatchObject({ identical: true });
    const no = await at.flows.start(TENANT, { definition: alone("  - {id: ok, approve: Really?}\n") });
    await at.until(no.id, ({ questions }) => questions.length > 0);
    await at.flows.answer(TENANT, no.id, { approved: false, comment: "not today" });
    expect(await at.until(no.id, ({ status }) => status === "failed")).toMatchObject({
      reason: "it was not approved: not today",
    });
    const late = await yaml("  - {id: ok, approve: Anybody?, timeout_ms: 30}\n");
    expect(late).toMatchObject({
      status: "failed",
      steps: [{ status: "failed", summary: expect.stringContaining("timeout") }],
    });
  });

  it.each(["tokens", "dollars", "toolCalls", "sandboxSeconds"] as const)(
    "hold a run, its parts and its agents to their %s, and keep what was done",
    async (what) => {
      const use = (id: string, amount = 1, more = "") =>
        `{id: ${id}, agent: speaker, input: {text: ${id}, uses: {${what}: ${amount}}}${more}}`;
      const budget = `budget: {${what}: 2}`;
      const three = `  - ${use("a")}\n  - ${use("b")}\n  - ${use("c")}\n`;
      const exceeded = { status: "failed", error: { code: "budget_exceeded", details: { what } } };
      const done = (...ids: string[]) => ({ steps: expect.arrayContaining(ids.map((id) => isDone(id))) });
      expect(await yaml(three, { budget: { [what]: 3 } })).toMatchObject({ status: "completed" });
      expect(await yaml(three, { budget: { [what]: 2 } })).toMatchObject({ ...exceeded, ...done("a", "b") });
      expect(await yaml(three, { head: `${budget}\n` })).toMatchObject({ ...exceeded, ...done("a", "b") });
      const part = await yaml(`  - ${use("a", 9)}\n  - {id: g, ${budget}, steps: [${use("b")}, ${use("c", 2)}]}\n`);
      expect(part).toMatchObject({ ...exceeded, ...done("a", "b"), error: { details: { of: "g" } } });
      const agent = await yaml(`  - ${use("a", 9)}\n  - ${use("b", 3, `, ${budget}`)}\n`);
      expect(agent).toMatchObject({ ...exceeded, ...done("a") });
      expect(await at.stage.engine.replay(TENANT, agent.runId)).toMatchObject({ identical: true });
    },
  );

  it("hold a run and its parts to their wallMs", async () => {
    const exceeded = { status: "failed", error: { code: "budget_exceeded", details: { what: "wallMs" } } };
    const wait = "  - {id: b, ask: Anybody?}\n";
    expect(await yaml(wait, { budget: { wallMs: 100 } })).toMatchObject(exceeded);
    expect(await yaml(wait, { head: "budget: {wallMs: 100}\n" })).toMatchObject(exceeded);
    const part = await yaml(
      "  - {id: a, agent: speaker, budget: {wallMs: 60000}}\n  - {id: g, budget: {wallMs: 100}, steps: [{ask: Why?}]}\n",
    );
    expect(part).toMatchObject({ ...exceeded, error: { details: { of: "g" } } });
    expect(part.steps).toContainEqual(isDone("a"));
    const agent = await yaml("  - {id: a, agent: waiter, budget: {wallMs: 100}}\n");
    expect(agent).toMatchObject({ ...exceeded, error: { details: { of: "waiter" } } });
  });

  it("hold a part to its time", async () => {
    const time = await yaml("  - {id: g, timeout_ms: 50, steps: [{ask: Why?}]}\n");
    expect(time).toMatchObject({ status: "failed", reason: expect.stringContaining("took longer than 50 ms") });
  });

  it("take a budget in dollars only where it is known what the model costs", async () => {
    const start = (setup: object, more: object = {}) =>
      at.flows.start(TENANT, { definition: alone("  - {ask: Why?}\n"), setup, ...more });
    const steps = "  - {steps: [{agent: speaker, budget: {dollars: 1}}]}\n";
    await expect(start({ model: "one" }, { budget: { dollars: 1 } })).rejects.toMatchObject({
      code: "invalid_argument",
      details: { path: "budget.dollars" },
    });
    await expect(start({ model: "one" }, { definition: alone(steps) })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(/^steps\.speaker\.budget\.dollars: .*agents\.model\.prices/),
    });
    const { id } = await start({ model: "none" }, { budget: { dollars: 1 } });
    await at.stage.engine.cancel(TENANT, id, "enough");
  });

  it("change a repository: what agents propose is applied, competing proposals only where they win", async () => {
    const repository = await at.upload({ "README.md": "hello\n" });
    const request = (steps: string) => ({ definition: `name: change\nsteps:\n${steps}`, setup: { repository } });
    const view = await at.run(
      request(`  - {id: a, agent: writer, input: {path: a.txt, content: "A\\n"}}
  - id: p
    parallel: [{id: x, agent: writer, input: {path: p.txt, content: "X\\n"}}, {id: y, agent: writer, input: {path: p.txt, content: "YY\\n"}}]
    aggregate: {best: "size(branch.diff.text)"}
    apply: true
  - {id: n, agent: writer, input: {path: n.txt, content: "N\\n"}, apply: false}
  - {id: m, apply: steps.n.diff}
`),
    );
    expect(view).toMatchObject({ status: "completed", branch: expect.stringMatching(/^glovebox\/text-[0-9a-f]{10}$/) });
    expect(view.diff).toContain("+YY\n");
    expect(view.diff).not.toContain("+X\n");
    expect(view.changes.map(({ path, content }) => [path, Buffer.from(content ?? "", "base64").toString()])).toEqual([
      ["a.txt", "A\n"],
      ["n.txt", "N\n"],
      ["p.txt", "YY\n"],
    ]);
    const twice = await at.run(request(`  - {id: a, agent: writer, input: {path: README.md, content: "A\\n"}}\n`));
    expect(twice).toMatchObject({ status: "failed", reason: expect.stringContaining("does not apply"), diff: "" });
    expect(await at.stage.engine.replay(TENANT, view.runId)).toMatchObject({ identical: true });
  });

  it("let a person edit a diff before it is applied", async () => {
    const repository = await at.upload({ "README.md": "hello\n" });
    const definition = `name: edit\nsteps:
  - {id: a, agent: writer, input: {path: a.txt, content: "one\\ntwo\\n"}, apply: false}
  - {id: b, edit: steps.a.diff}
`;
    const { id } = await at.flows.start(TENANT, { definition, setup: { repository } });
    const { questions } = await at.until(id, (view) => view.questions.length > 0);
    const diff = questions[0]?.diff ?? "";
    await expect(at.flows.answer(TENANT, id, { diff: "@@ -1 +1 @@\n+x\n" })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    await at.flows.answer(TENANT, id, { diff: diff.replace("+two\n", "+two and a half\n+three\n") });
    const view = await at.until(id, ({ status }) => status === "completed" || status === "failed");
    expect(Buffer.from(view.changes[0]?.content ?? "", "base64").toString()).toBe("one\ntwo and a half\nthree\n");
  });
});
