import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isGloveboxError } from "../../packages/glovebox/src/core/index.ts";
import { type TarMember, tarOf } from "../../packages/glovebox/src/sandbox/agent/tar-fixture.ts";
import { makeSandbox, shell } from "../drivers/subject.ts";
import { useBubblewrap } from "./stage.ts";

const context = useBubblewrap();

const huge = Buffer.from("80000000000010000000000000", "hex").subarray(0, 12);

/** Each wants to write `/tmp/outside/x` or the host's `outside/x`, read what is there, or make what is no file. */
function hostile(outside: string): Readonly<Record<string, readonly TarMember[]>> {
  return {
    "..": [{ name: "../tmp/outside/x", content: "out" }],
    ".. in the middle": [{ name: "a/../../tmp/outside/x", content: "out" }],
    "an absolute path in the sandbox": [{ name: "/tmp/outside/x", content: "out" }],
    "an absolute path of the host": [{ name: `${outside}/x`, content: "out" }],
    "a symlink, then through it": [
      { name: "l", type: "2", link: "/tmp/outside" },
      { name: "l/x", content: "out" },
    ],
    "a relative symlink, then through it": [
      { name: "a/l", type: "2", link: "../../tmp/outside" },
      { name: "a/l/x", content: "out" },
    ],
    "a symlink to a symlink": [
      { name: "a", type: "2", link: "." },
      { name: "b", type: "2", link: "a/.." },
      { name: "b/tmp/outside/x", content: "out" },
    ],
    "a symlink in place of a folder that was there": [
      { name: "a/", type: "5" },
      { name: "a", type: "2", link: "../tmp/outside" },
      { name: "a/x", content: "out" },
    ],
    "a symlink over a file that comes twice": [
      { name: "f", type: "2", link: "/tmp/outside/x" },
      { name: "f", content: "out" },
    ],
    "a hard link to what is outside": [{ name: "h", type: "1", link: "/tmp/outside/secret" }],
    "a hard link that climbs": [{ name: "h", type: "1", link: "../tmp/outside/secret" }],
    "a character device": [{ name: "n", type: "3" }],
    "a block device": [{ name: "n", type: "4" }],
    "a pipe": [{ name: "n", type: "6" }],
    "a sparse file": [{ name: "n", type: "S", size: huge }],
    "a pax path that climbs": [
      { name: "p", type: "x", content: `${"../tmp/outside/x".length + 9} path=../tmp/outside/x\n` },
      { name: "f", content: "out" },
    ],
    "a GNU long name that climbs": [
      { name: "././@LongLink", type: "L", content: "../tmp/outside/x\0" },
      { name: "f", content: "out" },
    ],
    "an empty name and a lone dot": [
      { name: "", content: "out" },
      { name: ".", type: "2", link: "/tmp/outside" },
    ],
  };
}

test.each(Object.keys(hostile("")))("an archive with %s writes nothing outside", async (name) => {
  const outside = join(context().subject.baseDir, "outside");
  await mkdir(outside, { recursive: true, mode: 0o777 });
  await writeFile(join(outside, "secret"), "host-secret");
  await using sandbox = await makeSandbox(context());
  await shell(sandbox, "mkdir /tmp/outside; echo -n guest-secret > /tmp/outside/secret");
  const archive = tarOf(hostile(outside)[name] ?? []);
  async function* drip(): AsyncIterable<Uint8Array> {
    for (let at = 0; at < archive.length; at += 700) yield archive.subarray(at, at + 700);
  }
  try {
    await sandbox.files.unpack(".", drip());
  } catch (error) {
    if (!isGloveboxError(error)) throw error;
    expect(["invalid_path", "invalid_argument", "already_exists"]).toContain(error.code);
  }
  expect((await shell(sandbox, "ls /tmp/outside; cat /tmp/outside/secret")).stdout).toBe("secret\nguest-secret");
  expect(await readdir(outside)).toEqual(["secret"]);
  expect((await shell(sandbox, "find /workspace -type b -o -type c -o -type p")).stdout).toBe("");
  expect((await shell(sandbox, "cat /workspace/h 2>/dev/null")).stdout).not.toContain("secret");
});

test("an archive that says it is larger than the disk ends, and the sandbox goes on", async () => {
  await using sandbox = await makeSandbox(context());
  const member = tarOf([{ name: "big", size: Buffer.from("77777777777\0") }]).subarray(0, 512);
  async function* endless(): AsyncIterable<Uint8Array> {
    yield member;
    for (let i = 0; i < 100; i += 1) yield Buffer.alloc(65_536);
  }
  const error = await sandbox.files.unpack(".", endless()).catch((reason: unknown) => reason);
  expect(isGloveboxError(error)).toBe(true);
  expect((await shell(sandbox, "echo alive")).stdout).toBe("alive\n");
});

test("a tree that the code made for the packer is packed within bounds", async () => {
  await using sandbox = await makeSandbox(context());
  const secret = join(context().subject.baseDir, "secret.txt");
  await writeFile(secret, "host-secret");
  await shell(
    sandbox,
    `cd /workspace; ln -s ${secret} a; ln -s / b; ln -s . loop; mkfifo p; truncate -s 1T sparse; echo mine > file; ln file hard; mkdir shut; chmod 0 shut`,
  );
  let bytes = 0;
  let text = "";
  const error = await (async () => {
    for await (const chunk of sandbox.files.pack(".")) {
      bytes += chunk.length;
      if (text.length < 65_536) text += Buffer.from(chunk).toString("latin1");
      // A sparse file is as long as it says; who reads decides when it is enough.
      if (bytes > 8 << 20) break;
    }
  })().catch((reason: unknown) => reason);
  expect(error === undefined || isGloveboxError(error)).toBe(true);
  expect(text).not.toContain("host-secret");
  expect((await shell(sandbox, "echo alive")).stdout).toBe("alive\n");
  expect(await readFile(secret, "utf8")).toBe("host-secret");
});
