import type { Bridge } from "./bridge.ts";

/** Turns an answer's bytes into a `Uint8Array` whose `toString` gives text, as Node's buffers do. */
export type ToBytes = (data: ArrayBuffer) => Uint8Array;
/** Text or bytes of untrusted origin as bytes for a call. */
export type FromData = (data: unknown) => ArrayBuffer;

export function makeBytes(bridge: Bridge): { readonly toBytes: ToBytes; readonly fromData: FromData } {
  const { parse, stringify } = JSON;
  const { isView } = ArrayBuffer;
  const view = Uint8Array;

  class Bytes extends Uint8Array {
    override toString(encoding: unknown = "utf8"): string {
      const copy = new view(this).buffer;
      return parse(bridge.decode(copy, typeof encoding === "string" ? encoding : "utf8")) as string;
    }
  }
  return {
    toBytes: (data) => new Bytes(data),
    fromData: (data) => {
      if (typeof data === "string") return bridge.encode(stringify(data));
      if (data instanceof ArrayBuffer) return data;
      if (isView(data)) return new view(new view(data.buffer, data.byteOffset, data.byteLength)).buffer;
      throw new TypeError("the data must be a string or bytes");
    },
  };
}
