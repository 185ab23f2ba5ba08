import { execFile } from "node:child_process";
import { access, chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cloneRepository } from "./clone-repository.ts";

const run = promisify(execFile);
let folder: string;
let repo: string;
const git = (...args: string[]) => run("git", ["-C", repo, "-c", "user.name=t", "-c", "user.email=t@t", ...args]);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-clone-"));
  repo = join(folder, "repo");
  await mkdir(repo);
  await git("init", "-q", "-b", "main");
  await writeFile(join(repo, "f"), "content");
  await git("add", ".");
  await git("commit", "-qm", "one");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A command that leaves a mark when anybody runs it. */
async function trap(): Promise<{ readonly command: string; readonly sprung: () => Promise<boolean> }> {
  const command = join(folder, "trap.sh");
  const mark = join(folder, "sprung");
  await writeFile(command, `#!/bin/sh\ntouch ${mark}\nexec cat\n`);
  await chmod(command, 0o755);
  const sprung = () =>
    access(mark).then(
      () => true,
      () => false,
    );
  return { command, sprung };
}

test("a repository's own configuration and hooks run nothing on the host", async () => {
  const { command, sprung } = await trap();
  for (const name of [
    "core.fsmonitor",
    "core.sshCommand",
    "core.pager",
    "core.editor",
    "uploadpack.packObjectsHook",
    "core.alternateRefsCommand",
    "filter.x.smudge",
    "filter.x.process",
    "core.askPass",
    "credential.helper",
    "gpg.program",
  ]) {
    await git("config", name, command);
  }
  await git("config", "core.hooksPath", join(folder, "hooks"));
  await mkdir(join(folder, "hooks"));
  for (const hook of [
    "post-checkout",
    "pre-auto-gc",
    "post-index-change",
    "reference-transaction",
    "fsmonitor-watchman",
  ]) {
    const text = `#!/bin/sh\nexec ${command}\n`;
    await writeFile(join(folder, "hooks", hook), text, { mode: 0o755 });
    await writeFile(join(repo, ".git/hooks", hook), text, { mode: 0o755 });
  }
  await writeFile(join(repo, ".gitattributes"), "* filter=x\n");
  await run("git", [
    "-C",
    repo,
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "filter.x.process=",
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@t",
    "add",
    ".gitattributes",
  ]).catch(() => {});
  await rm(join(folder, "sprung"), { force: true });
  await cloneRepository(repo, undefined, join(folder, "clone"));
  expect(await readdir(join(folder, "clone"))).toContain("f");
  expect(await sprung()).toBe(false);
});

test("a repository that lacks objects has them fetched by nobody", async () => {
  const { command, sprung } = await trap();
  const blob = (await git("rev-parse", "HEAD:f")).stdout.trim();
  await rm(join(repo, ".git/objects", blob.slice(0, 2), blob.slice(2)), { force: true });
  for (const [name, value] of [
    ["core.repositoryformatversion", "1"],
    ["extensions.partialClone", "origin"],
    ["remote.origin.promisor", "true"],
    ["remote.origin.url", repo],
    ["remote.origin.uploadpack", command],
  ] as const) {
    await git("config", name, value);
  }
  await expect(cloneRepository(repo, undefined, join(folder, "clone"))).rejects.toMatchObject({
    code: "workspace_invalid",
  });
  expect(await sprung()).toBe(false);
});

test("submodules, and repositories that borrow objects from elsewhere, bring no other repository along", async () => {
  await writeFile(
    join(repo, ".gitmodules"),
    `[submodule "s"]\n\tpath = s\n\turl = ${folder}\n\tupdate = !touch ${folder}/sprung\n`,
  );
  await git("add", ".");
  await git("commit", "-qm", "two");
  await cloneRepository(repo, undefined, join(folder, "clone"));
  expect((await readdir(join(folder, "clone"))).sort()).toEqual([".git", ".gitmodules", "f"]);
  await expect(access(join(folder, "sprung"))).rejects.toThrow();
});
