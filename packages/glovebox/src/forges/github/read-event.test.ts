import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../core/index.ts";
import type { ForgeEvent } from "../forge-event.ts";
import { EXAMPLES, signedDelivery } from "../testing/examples.ts";
import { createGitHubForge } from "./github-forge.ts";

const forge = createGitHubForge({ apiUrl: "http://127.0.0.1:1", clock: systemClock });
const SHA = "0123456789abcdef0123456789abcdef01234567";

async function eventOf(event: string, payload: Readonly<Record<string, unknown>>): Promise<ForgeEvent | undefined> {
  return forge.event(forge.read(await signedDelivery({ event, payload }, "s")));
}
const repository = {
  full_name: "acme/box",
  clone_url: "https://github.com/acme/box.git",
  default_branch: "trunk",
  private: true,
};
const base = { repository, sender: { login: "ada" } };
const pull = (head: object) => ({
  ...base,
  action: "opened",
  pull_request: { number: 7, head: { sha: SHA, ref: "topic", ...head }, base: { sha: SHA, ref: "trunk" } },
});

describe("GitHub's deliveries", () => {
  it("are read, every published example of them, and mean something where a workflow can be started", async () => {
    const counts: Record<string, number> = {};
    for (const example of EXAMPLES) {
      const delivery = forge.read(await signedDelivery(example, "s"));
      const event = forge.event(delivery);
      if (event === undefined) continue;
      expect(event.ref).toMatch(/^refs\/(heads|tags|pull)\/./);
      expect(event.repository.fullName).toBe(delivery.repository);
      counts[event.name] = (counts[event.name] ?? 0) + 1;
    }
    expect(EXAMPLES.length).toBeGreaterThan(300);
    expect(counts).toMatchObject({ push: 7, pull_request: 29, workflow_dispatch: 2, repository_dispatch: 2 });
    expect(counts).toMatchObject({ check_run: 2, check_suite: 2 });
    // What our own reports cause must not come back as work.
    for (const name of ["status", "workflow_run", "workflow_job", "ping"]) expect(counts[name]).toBeUndefined();
  });

  it("of pushes say what is new, what is deleted, and since when", async () => {
    const push = { ...base, ref: "refs/heads/main", before: SHA, after: SHA.replace("0", "f"), deleted: false };
    expect(await eventOf("push", push)).toMatchObject({
      name: "push",
      ref: "refs/heads/main",
      sha: push.after,
      before: SHA,
      isDeletion: false,
      isFork: false,
      actor: "ada",
      repository: { fullName: "acme/box", defaultBranch: "trunk", private: true },
    });
    expect((await eventOf("push", { ...push, before: "0".repeat(40) }))?.before).toBeUndefined();
    expect(await eventOf("push", { ...push, deleted: true, after: "0".repeat(40) })).toMatchObject({
      isDeletion: true,
    });
  });

  it("of pull requests tell forks: another repository, or one that is gone", async () => {
    expect(await eventOf("pull_request", pull({ repo: { full_name: "Acme/Box" } }))).toMatchObject({
      ref: "refs/pull/7/merge",
      headSha: SHA,
      headRef: "topic",
      baseRef: "trunk",
      before: SHA,
      isFork: false,
      pullRequest: 7,
    });
    expect(await eventOf("pull_request", pull({ repo: { full_name: "evil/box" } }))).toMatchObject({ isFork: true });
    expect(await eventOf("pull_request", pull({ repo: null }))).toMatchObject({ isFork: true });
    expect(await eventOf("pull_request_review", pull({}))).toMatchObject({ isFork: true });
  });

  it.each([
    ["/rerun", "OWNER", "rerun"],
    [" /cancel\n", "MEMBER", "cancel"],
    ["/cancel", "COLLABORATOR", "cancel"],
    ["/rerun", "CONTRIBUTOR", undefined],
    ["/rerun", "NONE", undefined],
    ["/rerun", "owner", undefined],
    ["please /rerun", "OWNER", undefined],
    ["/rerun all", "OWNER", undefined],
    ["constructor", "OWNER", undefined],
  ])("of the comment %j by %s ask for %s", async (body, association, command) => {
    const comment = { body, author_association: association };
    const payload = { ...base, action: "created", issue: { number: 7, pull_request: {} }, comment };
    expect((await eventOf("issue_comment", payload))?.command).toBe(command);
    const elsewhere = [
      { ...payload, action: "edited" },
      { ...payload, issue: { number: 7 } },
    ];
    for (const other of elsewhere) expect((await eventOf("issue_comment", other))?.command).toBeUndefined();
  });

  it("of check runs are events when a person asks for them again", async () => {
    const check = { check_run: { id: 5, head_sha: SHA, external_id: "run:job" } };
    expect(await eventOf("check_run", { ...base, action: "rerequested", ...check })).toMatchObject({
      rerequested: { headSha: SHA, checkRunId: "5", externalId: "run:job" },
    });
    for (const action of ["created", "completed"]) {
      expect(await eventOf("check_run", { ...base, action, ...check })).toBeUndefined();
    }
  });

  it("come as forms too", async () => {
    const text = JSON.stringify({ ...base, ref: "v1", ref_type: "tag" });
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      "x-github-event": "create",
      "x-github-delivery": "d",
    };
    const body = Buffer.from(new URLSearchParams({ payload: text }).toString());
    expect(forge.event(forge.read({ headers, body }))).toMatchObject({ name: "create", ref: "refs/tags/v1" });
  });

  it.each([
    ["no event", { "x-github-event": "" }, "{}"],
    ["an event that is none", { "x-github-event": "Push!" }, "{}"],
    ["no id", { "x-github-delivery": undefined }, "{}"],
    ["an id twice", { "x-github-delivery": ["a", "b"] }, "{}"],
    ["another type", { "content-type": "text/plain" }, "{}"],
    ["no JSON", {}, "{"],
    ["a list", {}, "[]"],
    ["null", {}, "null"],
    ["nothing", {}, ""],
    ["depth", {}, `{"a":${"[".repeat(100)}${"]".repeat(100)}}`],
  ])("with %s are refused", async (_name, headers, body) => {
    const good = { "content-type": "application/json", "x-github-event": "push", "x-github-delivery": "d" };
    const raw = { headers: { ...good, ...headers }, body: Buffer.from(body) };
    expect(() => forge.read(raw)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("whatever their payload is, are an event, nothing, or refused", async () => {
    const events = [...new Set(EXAMPLES.map(({ event }) => event))];
    const payload = fc.dictionary(
      fc.constantFrom("repository", "ref", "before", "action", "pull_request", "check_run", "sender", "installation"),
      fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constant(repository)),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...events), payload, async (event, value) => {
        try {
          await eventOf(event, value as Readonly<Record<string, unknown>>);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_argument" });
        }
      }),
      { numRuns: 500 },
    );
  });
});
