import { expect, test } from "vitest";
import { GloveboxError } from "../../core/index.ts";
import { InputChannel } from "./input-channel.ts";

const OVER = new GloveboxError("conflict", "the process has ended");

test("a write that is acknowledged in the same breath as the process ends was taken", async () => {
  const channel = new InputChannel(1, 0, () => {});
  const written = channel.write(Buffer.from("exit\n"));
  await new Promise((resolve) => setImmediate(resolve));
  channel.onAck(5);
  channel.fail(OVER);
  await expect(written).resolves.toBeUndefined();
});

test("a write that was not acknowledged when the process ended is refused, and so is every later one", async () => {
  const sent: Buffer[] = [];
  const channel = new InputChannel(1, 0, (frame) => sent.push(frame));
  const written = channel.write(Buffer.from("lost"));
  await new Promise((resolve) => setImmediate(resolve));
  channel.fail(OVER);
  await expect(written).rejects.toBe(OVER);
  await expect(channel.write(Buffer.from("later"))).rejects.toBe(OVER);
  expect(sent).toHaveLength(1);
});
