import { expect } from "vitest";
import { ask, type ChaosClient } from "./workload.ts";

interface Event {
  readonly seq: number;
  readonly type: string;
  readonly payload: { readonly text?: string };
}

interface Counted {
  readonly name: string;
  readonly lines: number;
}

interface Promised extends Counted {
  readonly id: string;
  readonly session: string;
}

type Execution = { readonly id: string; readonly status: string; readonly error?: unknown };

const FINAL_TIMEOUT_MS = 60_000;

/** What servers acknowledged, and the proof that it is still there. */
export class Ledger {
  /** Open ones. */
  readonly sessions: string[] = [];
  readonly #closed: string[] = [];
  readonly #programs: Promised[] = [];
  readonly #files: { session: string; path: string; text: string }[] = [];
  readonly #results: { id: string; events: readonly Event[] }[] = [];
  readonly #tokens: string[] = [];
  #names = 0;
  /** About how many programs run at the moment. */
  unsettled = 0;

  nextName(): string {
    this.#names += 1;
    return `p${this.#names}`;
  }

  async openSession(client: ChaosClient): Promise<void> {
    const session = await ask<{ id: string }>(client, "POST", "sessions", { template: "python" });
    if (session !== undefined) this.sessions.push(session.id);
  }

  async closeSession(client: ChaosClient, id: string): Promise<void> {
    // From here on it may be closed, acknowledged or not: nothing more is asked of it.
    this.sessions.splice(this.sessions.indexOf(id), 1);
    if ((await ask(client, "POST", `sessions/${id}/close`)) !== undefined) this.#closed.push(id);
  }

  async start(client: ChaosClient, session: string, counted: Counted, input: object): Promise<void> {
    const answer = await ask<{ execution: Execution }>(client, "POST", `sessions/${session}/executions`, input);
    if (answer === undefined) return;
    this.#programs.push({ ...counted, id: answer.execution.id, session });
    this.unsettled += 1;
    setTimeout(() => (this.unsettled -= 1), counted.lines * 8).unref();
  }

  async writeFile(client: ChaosClient, session: string): Promise<void> {
    const path = `files/${this.nextName()}`;
    const text = `${path} `.repeat(1 + (this.#names % 500));
    const written = await ask(client, "PUT", `sessions/${session}/files/content?path=${path}&parents=true`, text);
    if (written !== undefined) this.#files.push({ session, path, text });
  }

  async makeToken(client: ChaosClient): Promise<void> {
    const made = await ask<{ token: { id: string } }>(client, "POST", "tokens", {
      name: this.nextName(),
      roles: ["viewer"],
    });
    if (made !== undefined) this.#tokens.push(made.token.id);
  }

  /** Waits for the end, and keeps the events as they were told. */
  async runAndKeep(client: ChaosClient, session: string): Promise<void> {
    const input = { kind: "command", background: true, argv: ["sh", "-c", "echo said; echo err >&2"], wait: true };
    const answer = await ask<{ execution: Execution; events: readonly Event[] }>(
      client,
      "POST",
      `sessions/${session}/executions`,
      input,
    );
    if (answer !== undefined) this.#results.push({ id: answer.execution.id, events: answer.events });
  }

  /** Everything that was acknowledged is there, whole and in order. */
  async verify(client: ChaosClient): Promise<void> {
    await expect.poll(() => this.#unfinished(client), { timeout: FINAL_TIMEOUT_MS, interval: 200 }).toEqual([]);
    const statuses: Record<string, number> = {};
    const wrong: string[] = [];
    for (const program of this.#programs) {
      const { status, problem } = await this.#checkProgram(client, program);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (problem !== undefined) wrong.push(problem);
    }
    for (const { id, events } of this.#results) {
      if (JSON.stringify(await eventsOf(client, id)) !== JSON.stringify(events)) wrong.push(`result ${id} changed`);
    }
    for (const { session, path, text } of this.#files) {
      if (this.sessions.includes(session) && (await readText(client, session, path)) !== text)
        wrong.push(`file ${path}`);
    }
    for (const id of this.sessions) {
      const answer = await ask<{ execution: Execution & { result?: { json?: unknown } } }>(
        client,
        "POST",
        `sessions/${id}/executions`,
        { kind: "repl", input: "6 * 7", wait: true },
      );
      if (answer?.execution.result?.json !== 42) wrong.push(`session ${id} does not answer: ${JSON.stringify(answer)}`);
    }
    for (const id of this.#closed) {
      const session = await ask<{ status: string }>(client, "GET", `sessions/${id}`);
      if (session?.status !== "closed") wrong.push(`session ${id} is ${session?.status}`);
    }
    const tokens = new Set<string>();
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const after: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { items: { id: string }[]; nextCursor?: string } | undefined = await ask(
        client,
        "GET",
        `tokens?limit=1000${after}`,
      );
      for (const { id } of page?.items ?? []) tokens.add(id);
      cursor = page?.nextCursor;
    }
    wrong.push(...this.#tokens.filter((id) => !tokens.has(id)).map((id) => `token ${id}`));
    const { length: files } = this.#files;
    console.log(
      `acknowledged: ${this.#programs.length} programs ${JSON.stringify(statuses)}, ${files} files, ${this.#results.length} results, ` +
        `${this.#tokens.length} tokens, ${this.sessions.length + this.#closed.length} sessions`,
    );
    expect(wrong).toEqual([]);
    expect(this.#programs.length).toBeGreaterThan(0);
    expect(statuses.ok ?? 0).toBeGreaterThan(this.#programs.length / 2);
  }

  async closeAll(client: ChaosClient): Promise<void> {
    for (const id of [...this.sessions]) await this.closeSession(client, id);
  }

  async #unfinished(client: ChaosClient): Promise<string[]> {
    const page = await ask<{ items: Execution[] }>(client, "GET", "executions?status=running,queued&limit=1000");
    return (page?.items ?? [{ id: "?", status: "no answer" }]).map(({ id, status }) => `${id} ${status}`);
  }

  async #checkProgram(client: ChaosClient, program: Promised): Promise<{ status: string; problem?: string }> {
    const { id, name, lines, session } = program;
    const execution = await ask<Execution>(client, "GET", `executions/${id}`);
    if (execution === undefined) return { status: "missing", problem: `execution ${id} is missing` };
    const { status } = execution;
    const events = await eventsOf(client, id);
    const problem = (what: string) => ({ status, problem: `${id} ${name} (${status}) ${what}` });
    if (events.some(({ seq }, index) => seq !== index + 1)) return problem("has a gap in its events");
    const printed = events.map(({ type, payload }) => (type === "stdout" ? (payload.text ?? "") : "")).join("");
    const all = Array.from({ length: lines }, (_, i) => `${name} ${i}\n`).join("");
    const open = this.sessions.includes(session);
    if (!all.startsWith(printed))
      return problem(`printed something else: ${JSON.stringify(firstDifference(all, printed))}`);
    if (!open) return { status };
    if (status !== "ok") {
      const last = JSON.stringify(events.slice(-2));
      return problem(`did not end well, after ${printed.split("\n").length - 1} of ${lines} lines: ${last}`);
    }
    if (printed !== all) return problem(`printed ${printed.split("\n").length - 1} of ${lines} lines`);
    const log = await readText(client, session, `${name}.log`);
    if (log !== Array.from({ length: lines }, (_, i) => `${i}\n`).join("")) return problem("wrote another file");
    return { status };
  }
}

async function eventsOf(client: ChaosClient, id: string): Promise<readonly Event[]> {
  const events: Event[] = [];
  for (;;) {
    const page = await ask<{ items: Event[] }>(
      client,
      "GET",
      `executions/${id}/events?afterSeq=${events.length}&limit=1000`,
    );
    events.push(...(page?.items ?? []));
    if ((page?.items.length ?? 0) < 1_000) return events;
  }
}

async function readText(client: ChaosClient, session: string, path: string): Promise<string | undefined> {
  return ask<string>(client, "GET", `sessions/${session}/files/content?path=${path}`);
}

function firstDifference(all: string, printed: string): string {
  let at = 0;
  while (at < printed.length && all[at] === printed[at]) at += 1;
  return `at ${at}: …${printed.slice(Math.max(0, at - 30), at + 30)}`;
}
