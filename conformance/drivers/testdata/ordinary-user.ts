/** Run as somebody who is not root: tries a machine in a folder of his own, with the kernel and images that are there. Prints JSON. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LIMITS, newId } from "../../../packages/glovebox/src/core/index.ts";
import { openImages } from "../../../packages/glovebox/src/sandbox/images/index.ts";
import { MicrovmDriver } from "../../../packages/glovebox/src/sandbox/microvm/index.ts";
import { repositoryRoot } from "../../../packages/glovebox/src/sandbox/native/index.ts";

const [home = "", kernelsFrom = "", imagesDir = ""] = process.argv.slice(2);
const cacheDir = join(home, "microvm");
cpSync(kernelsFrom, cacheDir, {
  recursive: true,
  filter: (path) => !/templates|json$/.test(path),
});
mkdirSync(join(home, "ws"));
await using driver = new MicrovmDriver({
  runDir: join(home, "run"),
  cacheDir,
  nativeDir: join(home, "native"),
  waiting: 0,
  images: openImages({ dir: imagesDir, definitionsDir: join(repositoryRoot(), "images") }),
});
const probed = await driver.probe();
let said = "";
if (probed.available) {
  const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
  await using sandbox = await driver.create({
    id: newId(),
    workspaceDir: join(home, "ws"),
    limits: { cpus, memoryMb, pids, openFiles, diskMb },
    allowPartial: true,
    env: {},
    languages: [],
    outliveServer: false,
  });
  const argv = ["/bin/sh", "-c", `echo ${process.getuid?.()} is somebody else here: $(id -u)`];
  const program = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
  for await (const item of program.output()) if (item.kind === "output") said += Buffer.from(item.data).toString();
}
console.log(JSON.stringify({ ...probed, said }));
