import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A real git repository in a folder of its own. */
export interface TestRepository extends AsyncDisposable {
  readonly path: string;
  write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>;
  git(...args: string[]): Promise<string>;
}

/** Makes a repository with these files in one commit; with none, an empty one without a commit. */
export async function makeRepository(files: Readonly<Record<string, string | Uint8Array>>): Promise<TestRepository> {
  const path = await mkdtemp(join(tmpdir(), "glovebox-repository-"));
  const git = async (...args: string[]) => {
    const who = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"];
    return (await run("git", [...who, "-C", path, ...args])).stdout.trim();
  };
  const write = async (more: Readonly<Record<string, string | Uint8Array>>) => {
    for (const [name, content] of Object.entries(more)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), content);
    }
  };
  await git("init", "-q");
  await write(files);
  if (Object.keys(files).length > 0) {
    await git("add", "-A");
    await git("commit", "-q", "-m", "first");
  }
  return { path, write, git, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
