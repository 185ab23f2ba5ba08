import { mkdir, mkdtemp, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeSandbox, type SuiteContext, shell } from "./subject.ts";

export function workspaceTests(context: () => SuiteContext): void {
  const isHosts = () => context().capabilities.workspace === "host";

  test("files pass between the host's workspace, the file interface and programs", async () => {
    await using sandbox = await makeSandbox(context());
    await sandbox.files.write("deep/er/a.txt", Buffer.from("written outside"), { parents: true });
    if (isHosts()) {
      expect(await readFile(join(sandbox.workspaceDir, "deep/er/a.txt"), "utf8")).toBe("written outside");
    }
    expect(await text(sandbox.files.read("deep/er/a.txt"))).toBe("written outside");
    if (context().capabilities.programs) {
      await shell(sandbox, "echo -n changed > /workspace/deep/er/a.txt");
      expect(await text(sandbox.files.read("deep/er/a.txt"))).toBe("changed");
    }
    expect((await sandbox.files.stat("deep/er/a.txt")).kind).toBe("file");
    await sandbox.files.rename("deep/er/a.txt", "b.txt");
    await sandbox.files.remove("deep", { recursive: true });
    await expect(sandbox.files.stat("deep")).rejects.toMatchObject({ code: "not_found" });
    // A disk of its own comes back when it ends.
    if (!isHosts()) await sandbox.destroy();
    expect((await stat(join(sandbox.workspaceDir, "b.txt"))).isFile()).toBe(true);
  });

  test("a workspace that has files already is the sandbox's to change", async () => {
    const { subject } = context();
    const workspaceDir = join(subject.baseDir, "filled");
    await mkdir(join(workspaceDir, "folder"), { recursive: true });
    await writeFile(join(workspaceDir, "folder", "old.txt"), "old");
    await using sandbox = await makeSandbox(context(), { workspaceDir } as object);
    await sandbox.files.write("folder/old.txt", Buffer.from("new"));
    await sandbox.files.write("folder/more.txt", Buffer.from("more"));
    if (!isHosts()) await sandbox.destroy();
    expect(await readFile(join(workspaceDir, "folder", "old.txt"), "utf8")).toBe("new");
  });

  test("a path that must stay in the workspace cannot leave it, not even by a link", async () => {
    const workspaceDir = await mkdtemp(join(context().subject.baseDir, "ws-"));
    await symlink("/etc", join(workspaceDir, "way-out"));
    await using sandbox = await makeSandbox(context(), { workspaceDir } as object);
    const within = { within: "workspace" as const };
    await expect(text(sandbox.files.read("way-out/passwd", within))).rejects.toMatchObject({ code: "invalid_path" });
    await expect(text(sandbox.files.read("../etc/passwd", within))).rejects.toMatchObject({ code: "invalid_path" });
    await expect(sandbox.files.write("way-out/x", Buffer.from("x"), within)).rejects.toMatchObject({
      code: "invalid_path",
    });
  });

  test("a link in the workspace reaches the sandbox's files, never the host's", async () => {
    if (!context().capabilities.programs) return;
    const workspaceDir = await mkdtemp(join(context().subject.baseDir, "ws-"));
    const secret = join(context().subject.baseDir, "secret.txt");
    await writeFile(secret, "the host's secret", { mode: 0o644 });
    await symlink(secret, join(workspaceDir, "link"));
    await using sandbox = await makeSandbox(context(), { workspaceDir } as object);
    await expect(text(sandbox.files.read("link"))).rejects.toMatchObject({ code: "not_found" });
    expect((await shell(sandbox, "cat link")).stdout).toBe("");
  });
}

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}
