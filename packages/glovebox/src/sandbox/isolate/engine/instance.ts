import { newQuickJSWASMModuleFromVariant, newVariant, type QuickJSContext, RELEASE_SYNC } from "quickjs-emscripten";
import type { MemoryCap } from "./memory-cap.ts";

/**
 * Bytes of the engine's own stack, of the 1 MiB that its build has. Room for about 5,000 calls of a small function. The
 * thread's stack must be so large that this one ends first (`worker-thread.ts`).
 */
const STACK_BYTES = 900 * 1024;

/** A WebAssembly instance with one QuickJS runtime and context in it. Nothing is shared with any other instance. */
export async function createInstance(module: WebAssembly.Module, cap: MemoryCap): Promise<QuickJSContext> {
  const variant = newVariant(RELEASE_SYNC, { wasmModule: module, wasmMemory: cap.memory });
  const quickjs = await newQuickJSWASMModuleFromVariant(variant);
  const context = quickjs.newContext();
  context.runtime.setMaxStackSize(STACK_BYTES);
  return context;
}
