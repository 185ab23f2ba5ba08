/** `kernel.wat`, assembled; a test assembles it again and compares. WebAssembly because it counts bits and multiplies bytes in single instructions, and JavaScript does not. */
export const KERNEL_BASE64 =
  "AGFzbQEAAAABFQJgCX9/f398fHx/fwBgBX9/f39/AAMDAgABBQMBAAEHIAMGbWVtb3J5AgAIZXN0aW1hdGUAAAhwcm9kdWN0cwABCqoGArkCAwd/BX4BfSACQQN0IQogACABQQJ0aiEJAkADQCAAIAlPDQEgACgCACELIAtBDGohDCAMIApqIQ4gAyENQgAhEUIAIRJCACETQgAhFANAIAwpAwAhECARIBAgDSkDAIN7fCERIBIgECANKQMIg3t8IRIgEyAQIA0pAxCDe3whEyAUIBAgDSkDGIN7fCEUIA1BIGohDSAMQQhqIQwgDCAOSQ0ACyALKgIAu0QAAAAAAAAAQCAEIAsoAgi4oiAFIBEgEkIBhnwgE0IChiAUQgOGfHy6oqCiIAahorYhFSAHIBU4AgAgFUMAAIA/kkMAAABFlPwAIQ9BACAPIA9BAEgbIQ9B/x8gDyAPQf8fShshDyAIIA9BAnRqIQ8gDyAPKAIAQQFqNgIAIAdBBGohByAAQQRqIQAMAAsLC+wDAgd/B3sgACABQQJ0aiEFIAMgAkEBdGohBwJAA0AgACAFTw0BIAAoAgAhCP0MAAAAAAAAAAAAAAAAAAAAACEMIAAoAgQhCf0MAAAAAAAAAAAAAAAAAAAAACENIAAoAgghCv0MAAAAAAAAAAAAAAAAAAAAACEOIAAoAgwhC/0MAAAAAAAAAAAAAAAAAAAAACEPIAMhBgNAIAb9AAQAIREgBv0ABBAhEiAI/QAEACEQIAwgEP2HASAR/boBIBD9iAEgEv26Af2uAf2uASEMIAhBEGohCCAJ/QAEACEQIA0gEP2HASAR/boBIBD9iAEgEv26Af2uAf2uASENIAlBEGohCSAK/QAEACEQIA4gEP2HASAR/boBIBD9iAEgEv26Af2uAf2uASEOIApBEGohCiAL/QAEACEQIA8gEP2HASAR/boBIBD9iAEgEv26Af2uAf2uASEPIAtBEGohCyAGQSBqIQYgBiAHSQ0ACyAEIAz9GwAgDP0bAWogDP0bAiAM/RsDamo2AgAgBCAN/RsAIA39GwFqIA39GwIgDf0bA2pqNgIEIAQgDv0bACAO/RsBaiAO/RsCIA79GwNqajYCCCAEIA/9GwAgD/0bAWogD/0bAiAP/RsDamo2AgwgBEEQaiEEIABBEGohAAwACwsL";

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
  /** All are byte offsets in {@link memory}, but for `count` rows of `size` bytes each; `count` is a multiple of 4. */
  products(rows: number, count: number, size: number, query: number, out: number): void;
}

/** An instance with a memory of its own. */
export function makeKernel(): Kernel {
  return new Instance(module).exports as Kernel;
}
