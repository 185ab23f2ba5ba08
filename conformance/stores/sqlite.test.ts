import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../packages/glovebox/src/store/index.ts";
import { storeConformance } from "./suite.ts";

storeConformance("sqlite", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-store-"));
  return {
    open: (options) => openSqliteStore({ dataDir, ...options }),
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
});
