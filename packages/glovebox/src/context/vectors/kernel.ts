/** `kernel.wat`, assembled; a test assembles it again and compares. WebAssembly because it counts bits and multiplies bytes in single instructions, and JavaScript does not. */
export const KERNEL_BASE64 =
  "AGFzbQEAAAABFQJgCX9/f398fHx/fwBgBX9/f39/AAMDAgABBQMBAAEHIAMGbWVtb3J5AgAIZXN0aW1hdGUAAAhwcm9kdWN0cwABCvMDArkCAwd/BX4BfSACQQN0IQogACABQQJ0aiEJAkADQCAAIAlPDQEgACgCACELIAtBDGohDCAMIApqIQ4gAyENQgAhEUIAIRJCACETQgAhFANAIAwpAwAhECARIBAgDSkDAIN7fCERIBIgECANKQMIg3t8IRIgEyAQIA0pAxCDe3whEyAUIBAgDSkDGIN7fCEUIA1BIGohDSAMQQhqIQwgDCAOSQ0ACyALKgIAu0QAAAAAAAAAQCAEIAsoAgi4oiAFIBEgEkIBhnwgE0IChiAUQgOGfHy6oqCiIAahorYhFSAHIBU4AgAgFUMAAIA/kkMAAABFlPwAIQ9BACAPIA9BAEgbIQ9B/x8gDyAPQf8fShshDyAIIA9BAnRqIQ8gDyAPKAIAQQFqNgIAIAdBBGohByAAQQRqIQAMAAsLC7UBAgR/AnsgACABQQJ0aiEFAkADQCAAIAVPDQEgACgCACEGIAYgAmohByADIQj9DAAAAAAAAAAAAAAAAAAAAAAhCQNAIAb9AAQAIQogCSAK/YcBIAj9AAQA/boBIAr9iAEgCP0ABBD9ugH9rgH9rgEhCSAIQSBqIQggBkEQaiEGIAYgB0kNAAsgBCAJ/RsAIAn9GwFqIAn9GwIgCf0bA2pqNgIAIARBBGohBCAAQQRqIQAMAAsLCw==";

/** The part of WebAssembly that is used: Node's types leave it out. */
const { Module, Instance } = WebAssembly as unknown as {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const module = new Module(Buffer.from(KERNEL_BASE64, "base64"));

export interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** All are byte offsets in {@link memory}, but for `count` sketches of `words` 64-bit words each, and the query's `low`, `step` and `sum`. */
  estimate(
    sketches: number,
    count: number,
    words: number,
    planes: number,
    low: number,
    step: number,
    sum: number,
    out: number,
    classes: number,
  ): void;
  /** All are byte offsets in {@link memory}, but for `count` rows of `size` bytes each. */
  products(rows: number, count: number, size: number, query: number, out: number): void;
}

/** An instance with a memory of its own. */
export function makeKernel(): Kernel {
  return new Instance(module).exports as Kernel;
}
