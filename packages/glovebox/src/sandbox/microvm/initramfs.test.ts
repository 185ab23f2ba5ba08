import { expect, test } from "vitest";
import { withoutSignature } from "./initramfs.ts";

const MARK = Buffer.from("~Module signature appended~\n");

function signed(module: Buffer, signature: Buffer, said = signature.length): Buffer {
  const described = Buffer.alloc(12);
  described.writeUInt32BE(said, 8);
  return Buffer.concat([module, signature, described, MARK]);
}

test("of a signed module the signature is left out, and nothing of one that has none, or a wrong one", () => {
  const module = Buffer.from("\x7fELF and so on");
  expect(withoutSignature(signed(module, Buffer.alloc(400, 7)))).toEqual(module);
  expect(withoutSignature(module)).toBe(module);
  expect(withoutSignature(MARK)).toBe(MARK);
  for (const said of [1 << 20, 0xffffffff]) {
    const lying = signed(module, Buffer.alloc(4), said);
    expect(withoutSignature(lying)).toBe(lying);
  }
});
