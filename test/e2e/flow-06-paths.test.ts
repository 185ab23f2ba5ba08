import { isGloveboxError } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { useServer } from "../support/flow.ts";

const stage = useServer();

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (isGloveboxError(error) ? error.code : String(error)),
  );
}

for (const template of ["python", "js-isolate"]) {
  test(`${template}: run_file refuses paths out of the workspace, be it by .., absolute or by a symlink`, async () => {
    await using session = await stage.box.sessions.create({ template });
    for (const path of ["../x", "a/../../x", "/etc/hostname"]) {
      expect([path, await codeOf(session.runFile(path))]).toEqual([path, "invalid_path"]);
    }
  });
}

test("a symlink out of the workspace is refused in run_file and in a startup file", async () => {
  const { box } = stage;
  {
    await using session = await box.sessions.create({ template: "python" });
    await session.run("import os\nos.symlink('/etc/hostname', 'link.py')\nos.symlink('/etc', 'dir')");
    expect(await codeOf(session.runFile("link.py"))).toBe("invalid_path");
    expect(await codeOf(session.runFile("dir/hostname"))).toBe("invalid_path");
  }
  const { execFileSync } = await import("node:child_process");
  const { mkdtemp, symlink, rm } = await import("node:fs/promises");
  const folder = await mkdtemp("/tmp/glovebox-e2e-");
  await symlink("/etc/hostname", `${folder}/start.py`);
  const tar = execFileSync("tar", ["-C", folder, "-cf", "-", "start.py"]).toString("base64");
  await rm(folder, { recursive: true });
  await box.templates.create({
    name: "linked-start",
    isolation: "bubblewrap",
    languages: ["python"],
    startupFiles: [{ path: "start.py", order: 1 }],
  });
  const failed = await codeOf(
    box.sessions.create({ template: "linked-start", workspace: { kind: "archive", source: tar } }),
  );
  expect(["invalid_path", "workspace_invalid", "startup_failed"]).toContain(failed);
});

test("files of a session: written, listed, renamed, read in part, removed; nothing outside is reached", async () => {
  await using session = await stage.box.sessions.create({ template: "bash" });
  const { files } = session;
  await files.write("a/b/c.txt", "0123456789", { parents: true });
  expect(new TextDecoder().decode(await files.read("a/b/c.txt", { offset: 2, limit: 3 }))).toBe("234");
  await files.write("a/b/c.txt", "!", { append: true });
  expect(await files.stat("a/b/c.txt")).toMatchObject({ kind: "file", size: 11 });
  const listed = await files.list(".", { recursive: true });
  expect(listed.items.map(({ path }) => path.replace(/^\.\//, "")).sort()).toEqual(["a", "a/b", "a/b/c.txt"]);
  await files.rename("a/b/c.txt", "d.txt");
  expect(await codeOf(files.read("a/b/c.txt"))).toBe("not_found");
  await files.remove("a", { recursive: true });
  expect((await files.list(".")).items.map(({ path }) => path.replace(/^\.\//, ""))).toEqual(["d.txt"]);
  expect(await codeOf(files.read("/etc/shadow"))).toMatch(/not_found|permission_denied|invalid_path/);
});
