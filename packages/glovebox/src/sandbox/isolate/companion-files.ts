import type { SandboxFiles } from "../files.ts";
import type { Companion } from "./companion.ts";

/** The workspace's files, through the helper sandbox. */
export function companionFiles(companion: Companion): SandboxFiles {
  const files = async () => (await companion.get()).files;
  return {
    read: (...args) => lazily(async () => (await files()).read(...args)),
    write: async (...args) => (await files()).write(...args),
    list: (...args) => lazily(async () => (await files()).list(...args)),
    stat: async (...args) => (await files()).stat(...args),
    mkdir: async (...args) => (await files()).mkdir(...args),
    rename: async (...args) => (await files()).rename(...args),
    remove: async (...args) => (await files()).remove(...args),
    watch: (...args) => lazily(async () => (await files()).watch(...args)),
    pack: (...args) => lazily(async () => (await files()).pack(...args)),
    unpack: async (...args) => (await files()).unpack(...args),
  };
}

async function* lazily<T>(open: () => Promise<AsyncIterable<T>>): AsyncIterable<T> {
  yield* await open();
}
