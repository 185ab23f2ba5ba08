import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findServer } from "./connect.ts";
import { dataDirOf, readServerFile, removeServerFile, writeServerFile } from "./server-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-server-file-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("what a server writes is read while it lives, by its owner only", () => {
  writeServerFile(folder, { url: "http://a", pid: process.pid, token: "t" });
  expect(readServerFile(folder)).toEqual({ url: "http://a", pid: process.pid, token: "t" });
  expect(statSync(join(folder, "server.json")).mode & 0o777).toBe(0o600);
  removeServerFile(folder);
  expect(readServerFile(folder)).toBeUndefined();
});

test("a file with another mode is made anew", () => {
  writeFileSync(join(folder, "server.json"), "{}", { mode: 0o644 });
  writeServerFile(folder, { url: "http://a", pid: process.pid });
  expect(statSync(join(folder, "server.json")).mode & 0o777).toBe(0o600);
});

test("the file of a server that died tells nothing, and a new server's file is not removed by an old one", () => {
  writeServerFile(folder, { url: "http://a", pid: 2 ** 22 + 1 });
  expect(readServerFile(folder)).toBeUndefined();
  writeServerFile(folder, { url: "http://a", pid: process.ppid });
  removeServerFile(folder);
  expect(readServerFile(folder)?.pid).toBe(process.ppid);
});

test.each(["", "[]", "null", '{"url":1,"pid":1}', '{"url":"http://a","pid":"1"}', '{"url":"http://a","pid":-1}'])(
  "the broken file %j tells nothing",
  (content) => {
    writeFileSync(join(folder, "server.json"), content);
    expect(readServerFile(folder)).toBeUndefined();
  },
);

test("the data folder is the flag's, the environment's, the configuration's, or the home folder's", () => {
  const file = join(folder, "glovebox.yaml");
  writeFileSync(file, 'port: 1\ndataDir: "/from/file"\n');
  expect(dataDirOf("/flag", { GLOVEBOX_DATA: "/env" })).toBe("/flag");
  expect(dataDirOf(undefined, { GLOVEBOX_DATA: "/env", GLOVEBOX_CONFIG: file })).toBe("/env");
  expect(dataDirOf(undefined, { GLOVEBOX_CONFIG: file })).toBe("/from/file");
  expect(dataDirOf(undefined, { XDG_DATA_HOME: "/xdg", GLOVEBOX_CONFIG: "/none" })).toBe("/xdg/glovebox");
});

test("the folder's token goes to the folder's server and to no other", () => {
  writeServerFile(folder, { url: "http://a", pid: process.pid, token: "local" });
  const env = { GLOVEBOX_DATA: folder };
  expect(findServer({}, env)).toEqual({ url: "http://a", token: "local", origin: "found" });
  expect(findServer({ url: "http://a" }, env)).toEqual({ url: "http://a", token: "local", origin: "named" });
  expect(findServer({ url: "http://b" }, env)).toEqual({ url: "http://b", token: undefined, origin: "named" });
  expect(findServer({ token: "mine" }, env)).toMatchObject({ token: "mine" });
  expect(findServer({}, { GLOVEBOX_DATA: "/none", GLOVEBOX_URL: "http://c", GLOVEBOX_TOKEN: "e" })).toEqual({
    url: "http://c",
    token: "e",
    origin: "named",
  });
  expect(findServer({}, { GLOVEBOX_DATA: "/none" })).toBeUndefined();
});
