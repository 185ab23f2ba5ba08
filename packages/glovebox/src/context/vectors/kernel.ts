/** `kernel.wat`, assembled; a test assembles it again and compares. WebAssembly because it counts bits and multiplies bytes in single instructions, and JavaScript does not. */
export const KERNEL_BASE64 =
  "AGFzbQEAAAABCQFgBX9/f39/AAMDAgAABQMBAAEHHQMGbWVtb3J5AgAFc2NvcmUAAAhwcm9kdWN0cwABCvMCArkBAgR/BX4gAkEDdCEGIAAgASAGbGohBQJAA0AgACAFTw0BIAAgBmohCCADIQdCACEKQgAhC0IAIQxCACENA0AgACkDACEJIAogCSAHKQMAg3t8IQogCyAJIAcpAwiDe3whCyAMIAkgBykDEIN7fCEMIA0gCSAHKQMYg3t8IQ0gB0EgaiEHIABBCGohACAAIAhJDQALIAQgCiALQgGGfCAMQgKGIA1CA4Z8fKc2AgAgBEEEaiEEDAALCwu1AQIEfwJ7IAAgAUECdGohBQJAA0AgACAFTw0BIAAoAgAhBiAGIAJqIQcgAyEI/QwAAAAAAAAAAAAAAAAAAAAAIQkDQCAG/QAEACEKIAkgCv2HASAI/QAEAP26ASAK/YgBIAj9AAQQ/boB/a4B/a4BIQkgCEEgaiEIIAZBEGohBiAGIAdJDQALIAQgCf0bACAJ/RsBaiAJ/RsCIAn9GwNqajYCACAEQQRqIQQgAEEEaiEADAALCws=";

/** The part of WebAssembly that is used: Node's types leave it out. */
const { Module, Instance } = WebAssembly as unknown as {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const module = new Module(Buffer.from(KERNEL_BASE64, "base64"));

export interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** All are byte offsets in {@link memory}, but for `count` sketches of `words` 64-bit words each. */
  score(codes: number, count: number, words: number, planes: number, out: number): void;
  /** All are byte offsets in {@link memory}, but for `count` rows of `size` bytes each. */
  products(rows: number, count: number, size: number, query: number, out: number): void;
}

/** An instance with a memory of its own. */
export function makeKernel(): Kernel {
  return new Instance(module).exports as Kernel;
}
