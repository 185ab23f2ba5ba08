import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readArchiveFile } from "./read-archive.ts";

/** A tar archive of one file whose header is changed before its checksum is made. */
function archive(change: (header: Buffer) => void): Buffer {
  const header = Buffer.alloc(512);
  header.write("package/index.js", 0);
  header.write("0000644\0", 100);
  header.write("00000000002\0", 124);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  change(header);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return gzipSync(Buffer.concat([header, Buffer.from("ok".padEnd(512, "\0")), Buffer.alloc(1024)]));
}

test("reads a file out of a package", async () => {
  expect(
    await readArchiveFile(
      archive(() => {}),
      "index.js",
    ),
  ).toBe("ok");
  await expect(
    readArchiveFile(
      archive(() => {}),
      "other.js",
    ),
  ).rejects.toThrow("no other.js");
});

test("ends where an entry has a size that cannot be read, instead of waiting for it", async () => {
  const unreadable = archive((header) => header.writeUInt8(0x81, 124));
  await expect(readArchiveFile(unreadable, "index.js")).rejects.toThrow("no size");
});
