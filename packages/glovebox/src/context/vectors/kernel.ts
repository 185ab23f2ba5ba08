/** `kernel.wat`, assembled; a test assembles it again and compares. WebAssembly because it multiplies eight numbers in a single instruction, and JavaScript does not. */
export const KERNEL_BASE64 =
  "AGFzbQEAAAABEAJgBH9/f38AYAV/f39/fwADAwIAAQUDAQABBx0DBm1lbW9yeQIABWhhbHZlAAAIcHJvZHVjdHMAAQq9BwKDAgIBfwl7/QyAgICAgICAgICAgICAgICAIQf9DPAA8ADwAPAA8ADwAPAA8AAhCP0MDwAPAA8ADwAPAA8ADwAPACEJIAAgAWohBAJAA0AgACAETw0BIAD9AAQAIAf9USEFIAD9AAQQIAf9USEGIAX9iQEhCiAF/YoBIQsgBv2JASEMIAb9igEhDSACIApBBP2NASALIAj9Tv1QIAwgCP1OQQT9iwEgDSAI/U5BCP2LAf1Q/VD9CwQAIAMgCiAJ/U4gCyAJ/U5BBP2LAf1QIAwgCf1OQQj9iwEgDSAJ/U5BDP2LAf1Q/VD9CwQAIABBIGohACACQRBqIQIgA0EQaiEDDAALCwu1BQIHfwp7/QwPAA8ADwAPAA8ADwAPAA8AIREgACABQQJ0aiEFIAMgAkECdGohBwJAA0AgACAFTw0BIAAoAgAhCP0MAAAAAAAAAAAAAAAAAAAAACEMIAAoAgQhCf0MAAAAAAAAAAAAAAAAAAAAACENIAAoAgghCv0MAAAAAAAAAAAAAAAAAAAAACEOIAAoAgwhC/0MAAAAAAAAAAAAAAAAAAAAACEPIAMhBgNAIAb9AAQAIRIgBv0ABBAhEyAG/QAEICEUIAb9AAQwIRUgCP0ABAAhECAMIBAgEf1OIBL9ugEgEEEE/Y0BIBH9TiAT/boB/a4BIBBBCP2NASAR/U4gFP26ASAQQQz9jQEgFf26Af2uAf2uAf2uASEMIAhBEGohCCAJ/QAEACEQIA0gECAR/U4gEv26ASAQQQT9jQEgEf1OIBP9ugH9rgEgEEEI/Y0BIBH9TiAU/boBIBBBDP2NASAV/boB/a4B/a4B/a4BIQ0gCUEQaiEJIAr9AAQAIRAgDiAQIBH9TiAS/boBIBBBBP2NASAR/U4gE/26Af2uASAQQQj9jQEgEf1OIBT9ugEgEEEM/Y0BIBX9ugH9rgH9rgH9rgEhDiAKQRBqIQogC/0ABAAhECAPIBAgEf1OIBL9ugEgEEEE/Y0BIBH9TiAT/boB/a4BIBBBCP2NASAR/U4gFP26ASAQQQz9jQEgFf26Af2uAf2uAf2uASEPIAtBEGohCyAGQcAAaiEGIAYgB0kNAAsgBCAM/RsAIAz9GwFqIAz9GwIgDP0bA2pqNgIAIAQgDf0bACAN/RsBaiAN/RsCIA39GwNqajYCBCAEIA79GwAgDv0bAWogDv0bAiAO/RsDamo2AgggBCAP/RsAIA/9GwFqIA/9GwIgD/0bA2pqNgIMIARBEGohBCAAQRBqIQAMAAsLCw==";

/** The part of WebAssembly that is used: Node's types leave it out. */
const { Module, Instance } = WebAssembly as unknown as {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const module = new Module(Buffer.from(KERNEL_BASE64, "base64"));

export interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** All are byte offsets in {@link memory}, but for `size` bytes, a multiple of 32: each of the halves has half as many. */
  halve(bytes: number, size: number, upper: number, lower: number): void;
  /** All are byte offsets in {@link memory}, but for `count` rows of `size` bytes each; `count` is a multiple of 4, `size` of 16. */
  products(rows: number, count: number, size: number, query: number, out: number): void;
}

const PAGE_BYTES = 65_536;

/** An instance with a memory of its own, of so many bytes at least. */
export function makeKernel(bytes: number): Kernel {
  const kernel = new Instance(module).exports as Kernel;
  growKernel(kernel, bytes);
  return kernel;
}

/** Views of the memory that were made before are empty afterwards. */
export function growKernel({ memory }: Kernel, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}
