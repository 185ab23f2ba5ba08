/** Run as somebody who is not root: tries a machine in a folder of his own, with the programs, kernel and images that are there. Prints JSON. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LIMITS, newId } from "../../../packages/glovebox/src/core/index.ts";
import { openImages } from "../../../packages/glovebox/src/sandbox/images/index.ts";
import { MicrovmDriver } from "../../../packages/glovebox/src/sandbox/microvm/index.ts";
import { repositoryRoot } from "../../../packages/glovebox/src/sandbox/native/index.ts";

const [home = "", kernelsFrom = "", imagesDir = "", nativeDir = ""] = process.argv.slice(2);

async function hear(): Promise<string> {
  const cacheDir = join(home, "microvm");
  cpSync(kernelsFrom, cacheDir, { recursive: true, filter: (path) => !/templates|json$/.test(path) });
  const workspaceDir = join(home, "ws");
  mkdirSync(workspaceDir);
  const images = openImages({ dir: imagesDir, definitionsDir: join(repositoryRoot(), "images") });
  await using driver = new MicrovmDriver({ runDir: join(home, "run"), cacheDir, nativeDir, waiting: 0, images });
  const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
  const limits = { cpus, memoryMb, pids, openFiles, diskMb };
  const spec = { id: newId(), workspaceDir, limits, allowPartial: true, env: {}, languages: [], outliveServer: false };
  await using sandbox = await driver.create(spec);
  const argv = ["/bin/sh", "-c", `echo ${process.getuid?.()} is somebody else here: $(id -u)`];
  const program = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
  let said = "";
  for await (const item of program.output()) {
    if (item.kind === "output") said += Buffer.from(item.data).toString("utf8");
  }
  return said;
}

const outcome = await hear().then(
  (said) => ({ said }),
  ({ code, message }: { code?: string; message: string }) => ({ code, message }),
);
console.log(JSON.stringify(outcome));
