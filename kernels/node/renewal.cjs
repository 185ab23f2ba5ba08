"use strict";
/**
 * What a process does that is a copy of another: random numbers of its own, and the environment of the session that it
 * came to. The kernel's generator was renewed before; V8's and OpenSSL's live in this process and cannot be reseeded from
 * JavaScript, so that from now on `Math.random` is a generator of ours, and kernel randomness is mixed into what
 * `node:crypto` draws. (Keys that OpenSSL makes by itself are safe once its clock says that an hour went by, which it
 * does in every copy of a template.)
 */
const crypto = require("node:crypto");
const { closeSync, openSync, readSync } = require("node:fs");

const SEED_WORDS = 4;
let isMixed = false;

function kernelBytes(length) {
  const bytes = Buffer.alloc(length);
  const fd = openSync("/dev/urandom", "r");
  try {
    for (let at = 0; at < length; ) at += readSync(fd, bytes, at, length - at);
  } finally {
    closeSync(fd);
  }
  return bytes;
}

/** xoshiro128** (Blackman and Vigna, public domain), two words a number. */
function randomFrom(seed) {
  const s = Uint32Array.from({ length: SEED_WORDS }, (_, i) => seed.readUInt32LE(4 * i));
  if (s.every((word) => word === 0)) s[0] = 1;
  const rotate = (x, k) => (x << k) | (x >>> (32 - k));
  const word = () => {
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
  };
  return function random() {
    return ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;
  };
}

/** Kernel randomness over what OpenSSL gave; a view of any kind, and the part of it that was filled, in its elements. */
function mix(view, offset = 0, size = undefined) {
  const whole = ArrayBuffer.isView(view)
    ? Buffer.from(view.buffer, view.byteOffset, view.byteLength)
    : Buffer.from(view);
  const width = view.BYTES_PER_ELEMENT ?? 1;
  const target = whole.subarray(offset * width, size === undefined ? undefined : (offset + size) * width);
  const fresh = kernelBytes(target.length);
  for (let i = 0; i < target.length; i++) target[i] ^= fresh[i];
  return view;
}

function mixCrypto() {
  if (isMixed) return;
  isMixed = true;
  const { randomBytes, randomFillSync, randomFill } = crypto;
  crypto.randomFillSync = (buffer, offset, size) => {
    randomFillSync.call(crypto, buffer, offset, size);
    return mix(buffer, offset, size);
  };
  crypto.randomFill = (buffer, ...rest) => {
    const done = rest.pop();
    return randomFill.call(crypto, buffer, ...rest, (error, filled) =>
      done(error, error ? filled : mix(filled, ...rest)),
    );
  };
  crypto.randomBytes = crypto.pseudoRandomBytes = (size, done) => {
    if (done === undefined) return mix(randomBytes.call(crypto, size));
    return randomBytes.call(crypto, size, (error, bytes) => done(error, error ? bytes : mix(bytes)));
  };
  crypto.randomInt = mixedInt;
  crypto.randomUUID = mixedUuid;
  const { webcrypto } = crypto;
  const { getRandomValues } = webcrypto;
  const prototype = Object.getPrototypeOf(webcrypto);
  Object.defineProperty(prototype, "getRandomValues", {
    configurable: true,
    writable: true,
    value(array) {
      return mix(Reflect.apply(getRandomValues, this, [array]));
    },
  });
  Object.defineProperty(prototype, "randomUUID", { configurable: true, writable: true, value: mixedUuid });
}

function mixedUuid() {
  const bytes = kernelBytes(16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const { randomInt } = crypto;

/** The range as Node checks it, the number without a bias. */
function mixedInt(min, max, done) {
  if (max === undefined || typeof max === "function") return mixedInt(0, min, max);
  randomInt.call(crypto, min, max);
  const range = BigInt(max - min);
  const limit = (1n << 64n) - ((1n << 64n) % range);
  let drawn;
  do drawn = kernelBytes(8).readBigUInt64LE();
  while (drawn >= limit);
  const value = min + Number(drawn % range);
  if (done === undefined) return value;
  process.nextTick(done, undefined, value);
}

exports.renew = (text, end) => {
  try {
    const { env = {} } = text === "" ? {} : JSON.parse(text);
    Object.assign(process.env, env);
    Object.defineProperty(Math, "random", {
      configurable: true,
      writable: true,
      value: randomFrom(kernelBytes(4 * SEED_WORDS)),
    });
    mixCrypto();
  } catch {
    // Rather none than one that draws what another draws.
    end();
  }
};
