import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExecutionInput, newId } from "../../core/index.ts";
import { openStage, type Stage, TENANT } from "../testing/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const snapshots = () => stage.services.snapshots;
const sh = (id: string, code: string) => stage.run(id, { kind: "command", argv: ["bash", "-c", code] });
async function out(id: string, code: string): Promise<string> {
  const { out: text, err, execution } = await sh(id, code);
  expect(execution.status, err).toBe("ok");
  return text.trim();
}
const take = (id: string, name?: string) => snapshots().create(TENANT, id, name === undefined ? {} : { name });
async function systemCodes(id: string): Promise<string[]> {
  const stream = await stage.services.sessions.eventStream(TENANT, id);
  const events = await stage.store.events.read(stream);
  return events.flatMap((event) => (event.type === "system" ? [event.payload.code] : []));
}
const folderOf = (id: string) => join(stage.dir, "snapshots", id);

describe("a snapshot", () => {
  test("is listed with its figures and its place in the tree, and goes with its session", async () => {
    const id = await stage.session();
    await out(id, "mkdir d; head -c 100000 /dev/urandom > d/random; echo 1 > f");
    const one = await snapshots().create(TENANT, id, { name: "first", description: "as it began" });
    expect(one).toMatchObject({
      name: "first",
      description: "as it began",
      kind: "files",
      origin: "manual",
      entries: 3,
    });
    expect(one.bytes).toBe(100_002);
    expect(one.storedBytes).toBe(100_002);
    await out(id, "echo 22 > f");
    const two = await take(id);
    // What did not change is kept once.
    expect(two).toMatchObject({ parentId: one.id, bytes: 100_003, storedBytes: 3 });
    const { session } = await snapshots().rollback(TENANT, id, one.id);
    expect(session.id).toBe(id);
    const three = await take(id, "a branch");
    expect(three.parentId).toBe(one.id);
    const { items, head } = await snapshots().list(TENANT, id);
    expect(items.map(({ origin, parentId }) => [origin, parentId])).toEqual([
      ["manual", one.id],
      ["before_rollback", two.id],
      ["manual", one.id],
      ["manual", undefined],
    ]);
    expect(head).toBe(three.id);
    expect(await snapshots().get(TENANT, id, one.id)).toEqual(one);
    await expect(snapshots().get("other", id, one.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(snapshots().get(TENANT, await stage.session(), one.id)).rejects.toMatchObject({ code: "not_found" });
    await stage.services.sessions.close(TENANT, id);
    expect((await snapshots().list(TENANT, id)).items).toHaveLength(4);
    await stage.services.sessions.delete(TENANT, id);
    expect(existsSync(folderOf(id))).toBe(false);
    expect(await stage.store.snapshots.all(id)).toEqual([]);
  });

  test("can be deleted without harm to those that share contents with it, and its bytes stay counted", async () => {
    const id = await stage.session();
    await out(id, "head -c 50000 /dev/urandom > shared; sha256sum shared > sum; echo a > own");
    const one = await take(id);
    await out(id, "echo bb > own");
    const two = await take(id);
    await snapshots().delete(TENANT, id, one.id);
    const left = await snapshots().get(TENANT, id, two.id);
    expect(left.storedBytes).toBe(one.storedBytes + two.storedBytes - 2);
    expect(left.parentId).toBeUndefined();
    await out(id, "rm shared");
    await snapshots().rollback(TENANT, id, two.id);
    expect(await out(id, "sha256sum -c sum && cat own")).toBe("shared: OK\nbb");
    await expect(snapshots().delete(TENANT, id, one.id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("can be compared with another and with the present", async () => {
    const id = await stage.session();
    await out(id, "mkdir -p a/b gone; echo 1 > a/b/c; echo same > same; ln -s x link; echo z > gone/z");
    const one = await take(id);
    await out(
      id,
      "echo 22 > a/b/c; touch same; ln -sfn y link; rm -r gone; mkdir new; mkfifo new/p; echo > $'na\\nme %'; chmod 600 same; echo > $'\\xff'",
    );
    const two = await take(id);
    const changes = await snapshots().diff(TENANT, id, one.id, two.id);
    expect(changes.truncated).toBe(false);
    expect(changes.items.map(({ path, change, kind }) => `${change} ${kind} ${path}`)).toEqual([
      "added file %ff",
      "modified file a/b/c",
      "removed dir gone",
      "removed file gone/z",
      "modified symlink link",
      "added file na\nme %25",
      "added dir new",
      "added pipe new/p",
      "modified file same",
    ]);
    expect(changes.items[1]).toMatchObject({ sizeBefore: 2, sizeAfter: 3 });
    expect((await snapshots().diff(TENANT, id, two.id)).items).toEqual([]);
    await out(id, "rm same");
    expect((await snapshots().diff(TENANT, id, two.id)).items).toMatchObject([{ path: "same", change: "removed" }]);
    expect(readdirSync(folderOf(id)).filter((name) => name.startsWith("tmp-"))).toEqual([]);
  });

  test("of a session in the middle of its work is of one moment, and the work goes on", async () => {
    const id = await stage.session();
    await out(id, "for i in $(seq 300); do head -c 20000 /dev/urandom > pad$i; done; echo 0 > a; echo 0 > z");
    const code = `
import os
n = 0
while not os.path.exists("stop"):
    n += 1
    for name in ("a", "z"):
        with open("tmp", "w") as f: f.write(str(n))
        os.rename("tmp", name)
print(n)`;
    const { execution } = await stage.services.executions.start(TENANT, id, {
      kind: "repl",
      language: "python",
      input: code,
    });
    const taken = [await take(id), await take(id), await take(id)];
    expect(taken.map(({ executionId }) => executionId)).toEqual(taken.map(() => execution.id));
    await (await stage.services.sessions.files(TENANT, id)).write("stop", new Uint8Array());
    expect((await stage.services.executions.wait(TENANT, execution.id)).status).toBe("ok");
    for (const { id: snapshotId } of taken) {
      await snapshots().rollback(TENANT, id, snapshotId);
      const [a = 0, z = 0] = (await out(id, "cat a; echo; cat z")).split("\n").map(Number);
      expect([z, z + 1]).toContain(a);
    }
  });

  test("is refused above a quota, a tenant's and the host's, and leaves nothing", async () => {
    for (const quotas of [{ tenant: { snapshotMb: 1 } }, { host: { snapshotMb: 1 } }]) {
      await using small = await openStage({ quotas });
      const id = await small.session();
      const write = (kb: number) =>
        small.run(id, { kind: "command", argv: ["bash", "-c", `head -c ${kb}K /dev/urandom > f${kb}`] });
      await write(700);
      await small.services.snapshots.create(TENANT, id);
      await write(400);
      const refused = small.services.snapshots.create(TENANT, id);
      await expect(refused).rejects.toMatchObject({ code: "resource_exhausted", details: { quota: "snapshotMb" } });
      expect(readdirSync(join(small.dir, "snapshots", id))).toHaveLength(1);
      // What it shares costs nothing.
      await small.run(id, { kind: "command", argv: ["rm", "f400"] });
      await small.services.snapshots.create(TENANT, id);
    }
  });

  test("is not to be had of an isolation that cannot", async () => {
    const id = await stage.session({ isolation: "isolate" });
    const asked = [
      take(id),
      snapshots().fork(TENANT, id),
      snapshots().rollback(TENANT, id, newId()),
      snapshots().fork(TENANT, id, { snapshotId: newId() }),
    ];
    for (const one of asked) await expect(one).rejects.toMatchObject({ code: "not_supported_by_isolation" });
  });
});

describe("a rollback", () => {
  test("brings files back, ends what programs left running, says so, and can be undone", async () => {
    const id = await stage.session();
    await stage.py(id, "x = 1; open('f', 'w').write('one')");
    const one = await take(id);
    await stage.py(id, "open('f', 'w').write('two'); open('g', 'w').write('new')");
    await out(id, "(while :; do date > alive; sleep 0.01; done) >/dev/null 2>&1 &");
    const { undo } = await snapshots().rollback(TENANT, id, one.id);
    expect(await out(id, "ls; cat f")).toBe("f\none");
    const asked = await stage.py(id, "print('x' in globals())");
    expect(asked.out).toBe("False\n");
    expect(asked.events.map((event) => event.type === "system" && event.payload.code)).toContain("kernel_restarted");
    expect(await systemCodes(id)).toContain("session_rolled_back");
    await snapshots().rollback(TENANT, id, undo.id);
    expect(await out(id, "cat f g")).toBe("twonew");
    // Twice the same gives the same.
    await snapshots().rollback(TENANT, id, one.id);
    await snapshots().rollback(TENANT, id, one.id);
    expect(await out(id, "ls; cat f")).toBe("f\none");
    const workspaces = readdirSync(join(stage.dir, "workspaces")).filter((name) => name.startsWith(id));
    expect(workspaces).toHaveLength(1);
  });

  test("of chosen paths leaves the rest as it is", async () => {
    const id = await stage.session();
    await out(id, "mkdir -p src/deep other; echo 1 > src/a; echo 1 > src/deep/b; echo 1 > other/c; ln src/a src/hard");
    const one = await take(id);
    await out(id, "echo 2 > src/a; rm -r src/deep; echo 2 > other/c; echo 2 > src/new; echo 2 > gone");
    await snapshots().rollback(TENANT, id, one.id, { paths: ["src/deep/b", "./gone", "src/hard"] });
    expect(await out(id, "cat src/a src/deep/b src/hard other/c src/new; test ! -e gone")).toBe("2\n1\n1\n2\n2");
    for (const [paths, code] of [
      [["../x"], "invalid_path"],
      [["never/there"], "not_found"],
    ] as const) {
      await expect(snapshots().rollback(TENANT, id, one.id, { paths })).rejects.toMatchObject({ code });
    }
    await snapshots().rollback(TENANT, id, one.id, { paths: ["src"] });
    expect(await out(id, "ls src; cat src/a other/c; stat -c %h src/a")).toBe("a\ndeep\nhard\n1\n2\n2");
    await snapshots().rollback(TENANT, id, one.id, { paths: ["."] });
    expect(await out(id, "cat other/c")).toBe("1");
  });

  test("is refused while something runs, unless forced, which ends it", async () => {
    const id = await stage.session();
    const one = await take(id);
    const sleeping: ExecutionInput = { kind: "command", argv: ["bash", "-c", "echo > f; sleep 60"] };
    const { finished } = await stage.services.executions.start(TENANT, id, sleeping);
    const beside = await stage.services.executions.start(TENANT, id, { ...sleeping, background: true });
    await expect(snapshots().rollback(TENANT, id, one.id)).rejects.toMatchObject({ code: "conflict" });
    await snapshots().rollback(TENANT, id, one.id, { force: true });
    expect((await finished).status).toBe("cancelled");
    expect((await beside.finished).status).toBe("cancelled");
    expect(await out(id, "ls")).toBe("");
  });

  test("to what is damaged or gone is refused, and nothing is changed", async () => {
    const id = await stage.session();
    await out(id, "echo good > f");
    const one = await take(id);
    await stage.py(id, "y = 5; open('f', 'w').write('now')");
    const [object = ""] = readdirSync(join(folderOf(id), one.id, "objects"));
    writeFileSync(join(folderOf(id), one.id, "objects", object), "evil\n");
    await expect(snapshots().rollback(TENANT, id, one.id)).rejects.toMatchObject({ code: "snapshot_corrupt" });
    expect((await stage.py(id, "print(y, open('f').read())")).out).toBe("5 now\n");
    await expect(snapshots().fork(TENANT, id, { snapshotId: one.id })).rejects.toMatchObject({
      code: "snapshot_corrupt",
    });
    rmSync(join(folderOf(id), one.id), { recursive: true });
    await expect(snapshots().rollback(TENANT, id, one.id)).rejects.toMatchObject({ code: "snapshot_corrupt" });
    expect((await stage.py(id, "print(y)")).out).toBe("5\n");
    const workspaces = readdirSync(join(stage.dir, "workspaces")).filter((name) => name.startsWith(id));
    expect(workspaces).toEqual([id]);
  });
});

describe("a fork", () => {
  test("has the same files, goes its own way, and leaves the parent alone", async () => {
    const id = await stage.session({
      template: "python",
      metadata: { of: "test" },
      env: { A: "b" },
      limits: { pids: 99 },
    });
    await stage.py(id, "x = 1; open('f', 'w').write('parent')");
    const { sessions, path } = await snapshots().fork(TENANT, id, { count: 3 });
    expect(path).toBe("files");
    expect(new Set(sessions.map((session) => session.id)).size).toBe(3);
    for (const session of sessions) {
      expect(session).toMatchObject({
        parentSessionId: id,
        status: "ready",
        metadata: { of: "test" },
        env: { A: "b" },
      });
      expect(session.limitsApplied).toContainEqual(expect.objectContaining({ limit: "pids", requested: 99 }));
    }
    await Promise.all(sessions.map((session) => out(session.id, `cat f; echo ${session.id} > f; echo $A >> f`)));
    expect(await out(sessions[0]?.id ?? "", "cat f")).toBe(`${sessions[0]?.id}\nb`);
    expect((await stage.py(id, "print(x, open('f').read())")).out).toBe("1 parent\n");
    // A child's files are its own to snapshot.
    const child = sessions[1]?.id ?? "";
    const one = await take(child);
    await out(child, "rm f");
    await snapshots().rollback(TENANT, child, one.id);
    expect(await out(child, "head -1 f")).toBe(child);
    await Promise.all(sessions.map((session) => stage.services.sessions.delete(TENANT, session.id)));
    expect(await out(id, "cat f")).toBe("parent");
  });

  test("can be made from a snapshot, also of a session that is closed, and from nothing else of one", async () => {
    const id = await stage.session();
    await out(id, "echo then > f");
    const one = await take(id);
    await out(id, "echo now > f");
    await stage.services.sessions.close(TENANT, id);
    await expect(snapshots().fork(TENANT, id)).rejects.toMatchObject({ code: "session_not_ready" });
    const { sessions } = await snapshots().fork(TENANT, id, { snapshotId: one.id, count: 2 });
    expect(sessions[1]).toMatchObject({ forkedFromSnapshotId: one.id, parentSessionId: id });
    expect(await out(sessions[1]?.id ?? "", "cat f")).toBe("then");
  });

  test("is all or none: a quota that is passed leaves nothing, and its bounds are held", async () => {
    await using small = await openStage({ quotas: { tenant: { sessions: 3 } } });
    const id = await small.session();
    const fork = (count: number) => small.services.snapshots.fork(TENANT, id, { count });
    await expect(fork(3)).rejects.toMatchObject({ code: "resource_exhausted" });
    for (const count of [0, 65, 1.5]) await expect(fork(count)).rejects.toMatchObject({ code: "invalid_argument" });
    expect((await small.services.sessions.list(TENANT)).items).toHaveLength(1);
    expect(readdirSync(join(small.dir, "workspaces"))).toEqual([id]);
    expect((await fork(2)).sessions).toHaveLength(2);
    await expect(fork(1)).rejects.toMatchObject({ code: "resource_exhausted" });
    expect((await small.run(id, { kind: "command", argv: ["true"] })).execution.status).toBe("ok");
  });
});
