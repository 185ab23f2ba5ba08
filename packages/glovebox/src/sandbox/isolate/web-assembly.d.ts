/** The part of the WebAssembly interface that this folder uses; the compiler's own declaration comes only with the DOM. */
declare namespace WebAssembly {
  /** Compiled code without any state. */
  class Module {
    private readonly compiled: true;
  }
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum?: number });
    readonly buffer: ArrayBuffer;
    /** Grows by `delta` pages; gives the number before. Throws a `RangeError` beyond the maximum. */
    grow(delta: number): number;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
