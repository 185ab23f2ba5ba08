import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GvisorDriver } from "../../sandbox/gvisor/index.ts";
import { openStage, TENANT } from "../testing/stage.ts";

test("what a driver keeps ready goes when memory is short, the sessions stay, and it comes again at need", async ({
  skip,
}) => {
  let minFreePercent = 0;
  let driver: GvisorDriver | undefined;
  await using stage = await openStage({
    pools: {
      sizes: new Map(),
      tenantId: TENANT,
      memory: {
        get minFreePercent() {
          return minFreePercent;
        },
        maxPressurePercent: 100,
      },
    },
    more: (dir) => {
      driver = new GvisorDriver({ runDir: join(dir, "gvisor"), waiting: 0 });
      return driver;
    },
  });
  await stage.services.recover();
  const probed = (await stage.services.isolations()).probes.gvisor;
  skip(probed?.available !== true, `isolation gvisor: ${probed?.available === false ? probed.reason : "no driver"}`);
  const folders = () => readdirSync(join(stage.dir, "gvisor"));
  const id = await stage.session({ isolation: "gvisor" });
  await stage.py(id, "kept = 42");
  const expectReady = async () => {
    await stage.services.snapshots.create(TENANT, id, { memory: true });
    await driver?.settled();
    expect(folders()).toHaveLength(2);
  };
  await expectReady();
  minFreePercent = 100;
  await expect.poll(folders, { timeout: 30_000 }).toEqual([id]);
  expect((await stage.py(id, "print(kept)")).out).toBe("42\n");
  minFreePercent = 0;
  await expectReady();
});
