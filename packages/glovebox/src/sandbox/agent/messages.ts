import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { GloveboxError } from "../../core/index.ts";
import type { LimitKind, OutputStream, ProcessExit, ProcessLimits, SignalScope } from "../process.ts";
import { MAX_PAYLOAD_BYTES } from "./frame.ts";
import { PayloadReader } from "./payload-reader.ts";
import { ProtocolViolation } from "./protocol-violation.ts";

/** Stream numbers on the wire. */
export const STREAM_NUMBERS: Readonly<Record<OutputStream, 1 | 2 | 3>> = { stdout: 1, stderr: 2, control: 3 };
export const STREAM_NAMES: readonly (OutputStream | undefined)[] = [undefined, "stdout", "stderr", "control"];

export const SPAWN_FLAGS = { terminal: 1, control: 2, stdinNull: 4, builtin: 8, own: 16 } as const;
const SCOPES: Readonly<Record<SignalScope, number>> = { root: 0, group: 1, tree: 2, descendants: 3 };
const LIMIT_KINDS: readonly (LimitKind | undefined)[] = [undefined, "wall", "cpu", "memory", "disk", "pids"];
const SIGNAL_NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
const MAX_TAG_BYTES = 512;

export interface SpawnRequest {
  readonly flags: number;
  /** Empty: the agent's workspace. */
  readonly cwd: string;
  readonly argv: readonly (string | Uint8Array)[];
  readonly env: Readonly<Record<string, string>>;
  readonly terminal?: { readonly rows: number; readonly columns: number } | undefined;
  readonly limits?: ProcessLimits | undefined;
  readonly openFiles?: number | undefined;
  readonly tag?: string | undefined;
}

function nulTerminated(values: readonly (string | Uint8Array)[]): Buffer[] {
  const nul = Buffer.alloc(1);
  return values.flatMap((value) => {
    const bytes = typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
    if (bytes.includes(0)) throw new GloveboxError("invalid_argument", "arguments and variables must not contain NUL");
    return [bytes, nul];
  });
}

/** SPAWN's payload. `invalid_argument` for what the protocol cannot carry. */
export function encodeSpawn(request: SpawnRequest): Buffer {
  const env = Object.entries(request.env).map(([name, value]) => `${name}=${value}`);
  const tag = Buffer.from(request.tag ?? "");
  if (tag.length > MAX_TAG_BYTES)
    throw new GloveboxError("invalid_argument", `a tag is ${MAX_TAG_BYTES} bytes at most`);
  if (request.argv.length === 0 || request.argv.length > 0xffff) {
    throw new GloveboxError("invalid_argument", "argv needs 1 to 65,535 entries");
  }
  const head = Buffer.alloc(40);
  head.writeUInt32LE(request.flags, 0);
  head.writeUInt16LE(request.terminal?.rows ?? 0, 4);
  head.writeUInt16LE(request.terminal?.columns ?? 0, 6);
  encodeLimits(request.limits ?? {}).copy(head, 8);
  head.writeUInt32LE(request.openFiles ?? 0, 28);
  head.writeUInt16LE(tag.length, 32);
  head.writeUInt16LE(request.argv.length, 34);
  head.writeUInt32LE(env.length, 36);
  const payload = Buffer.concat([head, tag, ...nulTerminated([request.cwd, ...request.argv, ...env])]);
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new GloveboxError("payload_too_large", `arguments and environment exceed ${MAX_PAYLOAD_BYTES} bytes`);
  }
  return payload;
}

function milliseconds(value: number | undefined): bigint {
  if (value === undefined || value <= 0) return 0n;
  if (!Number.isFinite(value)) throw new GloveboxError("invalid_argument", "limits are finite milliseconds");
  return BigInt(Math.min(Math.max(1, Math.round(value)), 2 ** 40));
}

/** LIMIT's payload: wall, cpu, grace. */
export function encodeLimits(limits: ProcessLimits): Buffer {
  const payload = Buffer.alloc(20);
  payload.writeBigUInt64LE(milliseconds(limits.wallMs), 0);
  payload.writeBigUInt64LE(milliseconds(limits.cpuMs), 8);
  payload.writeUInt32LE(Math.min(Math.round(limits.graceMs ?? 0), 0xffffffff), 16);
  return payload;
}

export function encodeSignal(name: NodeJS.Signals, scope: SignalScope): Buffer {
  const number = constants.signals[name];
  if (number === undefined) throw new GloveboxError("invalid_argument", `unknown signal: ${name}`);
  const payload = Buffer.alloc(8);
  payload.writeUInt32LE(number, 0);
  payload.writeUInt32LE(SCOPES[scope], 4);
  return payload;
}

export function encodeHello(epoch: bigint, window: number): Buffer {
  const payload = Buffer.alloc(16);
  payload.writeUInt16LE(1, 0);
  payload.writeUInt16LE(1, 2);
  payload.writeBigUInt64LE(epoch, 4);
  payload.writeUInt32LE(window, 12);
  return payload;
}

export interface HelloOk {
  readonly bootId: bigint;
  readonly epoch: bigint;
  readonly processes: number;
  /** Whether it has sockets whose connections it can hand over. */
  readonly forwards: boolean;
  /** Whether it is the first of a machine, and can renew it. */
  readonly renews: boolean;
}

/** TAG's payload. Errors: `invalid_argument`. */
export function encodeTag(tag: string): Buffer {
  const bytes = Buffer.from(tag);
  if (bytes.length > MAX_TAG_BYTES)
    throw new GloveboxError("invalid_argument", `a tag is ${MAX_TAG_BYTES} bytes at most`);
  return bytes;
}

const HOST_NAME = /^[a-zA-Z0-9-]{1,63}$/;

/** RENEW's payload: the clock, 32 random bytes, the new key of the line, the host's name. Errors: `invalid_argument`. */
export function encodeRenew(names: { readonly hostname: string; readonly key: Buffer }): Buffer {
  if (!HOST_NAME.test(names.hostname)) throw new GloveboxError("invalid_argument", `no host's name: ${names.hostname}`);
  return Buffer.concat([encodeClock(), names.key, Buffer.from(names.hostname)]);
}

/** CLOCK's payload: a time, the host's by default (Unix milliseconds), and 32 random bytes. */
export function encodeClock(nowMs = Date.now()): Buffer {
  const clock = Buffer.alloc(8);
  clock.writeBigUInt64LE(BigInt(nowMs) * 1_000_000n, 0);
  return Buffer.concat([clock, randomBytes(32)]);
}

const CAP_FORWARD = 16;
const CAP_RENEW = 64;

export function parseHelloOk(payload: Buffer): HelloOk {
  const reader = new PayloadReader(payload);
  const version = reader.u16();
  if (version !== 1) throw new ProtocolViolation(`version ${version} was not offered`);
  reader.u16();
  const caps = reader.u32();
  const [forwards, renews] = [(caps & CAP_FORWARD) !== 0, (caps & CAP_RENEW) !== 0];
  const hello = { bootId: reader.u64(), epoch: reader.u64(), processes: reader.u32(), forwards, renews };
  reader.end();
  return hello;
}

export interface HeldStream {
  readonly acked: number;
  readonly end: number;
  readonly eof: boolean;
}

export interface HeldProcess {
  readonly pid: number;
  readonly terminal: boolean;
  readonly control: boolean;
  readonly builtin: boolean;
  readonly stdinClosed: boolean;
  readonly streams: Readonly<Record<OutputStream, HeldStream>>;
  readonly received: { readonly stdin: number; readonly control: number };
  readonly exit: ProcessExit | undefined;
  readonly tag: string;
}

function parseHeldStream(reader: PayloadReader): HeldStream {
  const stream = { acked: reader.offset(), end: reader.offset(), eof: reader.u32() !== 0 };
  if (stream.acked > stream.end) throw new ProtocolViolation("a stream that ends before what was acknowledged");
  return stream;
}

export function parseProc(payload: Buffer): HeldProcess {
  const reader = new PayloadReader(payload);
  const pid = reader.u32();
  const flags = reader.u32();
  const streams = {
    stdout: parseHeldStream(reader),
    stderr: parseHeldStream(reader),
    control: parseHeldStream(reader),
  };
  const received = { stdin: reader.offset(), control: reader.offset() };
  const exit = (flags & 4) === 0 ? undefined : readExit(reader);
  const tagLength = reader.u16();
  const tag = reader.rest();
  if (tag.length !== tagLength || tagLength > MAX_TAG_BYTES) throw new ProtocolViolation("a tag of another length");
  return {
    pid,
    terminal: (flags & 1) !== 0,
    control: (flags & 2) !== 0,
    builtin: (flags & 16) !== 0,
    stdinClosed: (flags & 8) !== 0,
    streams,
    received,
    exit,
    tag: tag.toString(),
  };
}

function limitKind(number: number): LimitKind {
  const kind = LIMIT_KINDS[number];
  if (kind === undefined) throw new ProtocolViolation(`limit kind ${number}`);
  return kind;
}

function readExit(reader: PayloadReader): ProcessExit {
  const code = reader.i32();
  const signalNumber = reader.i32();
  const limit = reader.u32();
  reader.u32();
  const figures = { cpuMs: reader.figure() / 1000, maxRssKb: reader.figure(), wallMs: reader.figure() / 1000 };
  if (signalNumber === 0 ? code < 0 || code > 255 : code !== -1 || signalNumber < 1 || signalNumber > 64) {
    throw new ProtocolViolation(`exit with code ${code} and signal ${signalNumber}`);
  }
  return {
    ...(signalNumber === 0 ? { code } : { signal: SIGNAL_NAMES.get(signalNumber) ?? `SIG${signalNumber}` }),
    ...(limit === 0 ? {} : { limit: limitKind(limit) }),
    ...figures,
  };
}

export function parseExit(payload: Buffer): ProcessExit {
  const reader = new PayloadReader(payload);
  const exit = readExit(reader);
  reader.end();
  return exit;
}

export interface Notice {
  readonly limit: LimitKind;
  readonly action: "interrupted" | "killed";
  readonly value: number;
}

export function parseNotice(payload: Buffer): Notice {
  const reader = new PayloadReader(payload);
  const limit = limitKind(reader.u32());
  const action = reader.u32();
  const value = reader.figure();
  reader.end();
  if (action !== 1 && action !== 2) throw new ProtocolViolation(`action ${action}`);
  return { limit, action: action === 1 ? "interrupted" : "killed", value };
}
