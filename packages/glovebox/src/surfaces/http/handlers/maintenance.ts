import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { maintenanceOperations } from "../../operations/maintenance.ts";
import type { HandlersOf } from "../call.ts";
import type { HandlerContext } from "../options.ts";

export function maintenanceHandlers(context: HandlerContext): HandlersOf<typeof maintenanceOperations> {
  const { maintenance } = context.store;
  return {
    "backup.create": async ({ reply, signal }) => {
      await mkdir(context.tempDir, { recursive: true, mode: 0o700 });
      const folder = await mkdtemp(join(context.tempDir, "backup-"));
      const remove = () => rm(folder, { recursive: true, force: true });
      try {
        const file = join(folder, "backup");
        const { bytes, sha256 } = await maintenance.backup(file, signal);
        const stream = createReadStream(file);
        stream.once("close", () => void remove());
        reply
          .header("content-type", "application/octet-stream")
          .header("content-length", bytes)
          .header("x-content-sha256", sha256)
          .send(stream);
      } catch (error) {
        await remove();
        throw error;
      }
    },
    "retention.get": async () => await maintenance.retention(),
    "retention.set": async ({ body }) => {
      await maintenance.setRetention(body);
      return await maintenance.retention();
    },
    "retention.sweep": async ({ body }) => await maintenance.sweep({ dryRun: body.dryRun }),
  };
}
