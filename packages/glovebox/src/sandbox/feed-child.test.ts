import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect, test } from "vitest";
import { unlessChildEnded } from "./feed-child.ts";

test("what a child did not finish because it has ended is no error, all else is", async () => {
  const child = spawn("cat", { stdio: ["pipe", "pipe", "ignore"] });
  const source = new PassThrough();
  source.write("a");
  const plain = pipeline(source, child.stdin).then(
    () => "finished",
    (error: unknown) => error,
  );
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  expect(await plain).toMatchObject({ code: "ERR_STREAM_PREMATURE_CLOSE" });
  expect(() => unlessChildEnded(Object.assign(new Error(), { code: "ERR_STREAM_PREMATURE_CLOSE" }))).not.toThrow();
  expect(() => unlessChildEnded(new Error("no space"))).toThrow("no space");
});
