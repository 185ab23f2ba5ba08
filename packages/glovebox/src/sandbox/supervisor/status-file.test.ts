import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeGo } from "./go-message.ts";
import { parseStatus } from "./status-file.ts";

describe("a status file", () => {
  test("tells who supervised, when it started, and how it ended", () => {
    const text = "supervisor 12 345\nstarted 13 1700000000000\nexit 3 1700000000999\n";
    expect(parseStatus(text)).toEqual({
      supervisor: { pid: 12, startTime: 345 },
      started: { pid: 13, atMs: 1700000000000 },
      end: { kind: "exit", code: 3, atMs: 1700000000999 },
    });
    expect(parseStatus("signal 9 5\n").end).toEqual({ kind: "signal", number: 9, atMs: 5 });
  });

  test("that was cut short by a crash says no more than its whole lines", () => {
    expect(parseStatus("supervisor 12 345\nexit 1")).toEqual({ supervisor: { pid: 12, startTime: 345 } });
    expect(parseStatus("")).toEqual({});
    expect(parseStatus("exit x y\nnonsense\n")).toEqual({});
  });

  test("can hold anything without making the parser fail", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseStatus(text)));
  });
});

describe("a go message", () => {
  const base = { outlive: true, binds: [], fds: [], argv: ["/bin/true"], env: {} };

  test("has its length and its fields in the order in which the supervisor reads them", () => {
    const bytes = encodeGo({
      ...base,
      uid: 5,
      gid: 6,
      cpus: [0, 3],
      outlive: false,
      binds: [["/a", "/b"]],
      fds: [10, 11],
      env: { X: "1" },
      sockets: [{ fd: 13, type: "tcp", address: "::", port: 80 }],
    });
    expect(bytes.readUInt32LE()).toBe(bytes.length - 4);
    const fields = bytes.subarray(4, -1).toString().split("\0");
    const started = ["5", "6", "0,3", "0", "1", "/a", "/b", "2", "10", "11", "1", "/bin/true", "1", "X=1"];
    expect(fields).toEqual([...started, "1", "13", "tcp", "::", "80", "-1", "0"]);
    const copied = encodeGo({ ...base, argv: [], keeper: 13, copy: { folder: "/f", disk: "/d" } });
    expect(copied.subarray(4, -1).toString().split("\0").slice(-7)).toEqual(["0", "0", "0", "13", "1", "/f", "/d"]);
  });

  test("takes no NUL and no endless command line", () => {
    expect(() => encodeGo({ ...base, argv: ["/bin/true", "a\0b"] })).toThrow(/NUL/);
    expect(() => encodeGo({ ...base, argv: ["/bin/true", "x".repeat(1 << 20)] })).toThrow(/longer/);
  });
});
