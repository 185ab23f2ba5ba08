import { existsSync } from "node:fs";
import type { Language } from "../../core/index.ts";
import { kernelArgv } from "../kernel/index.ts";

const LANGUAGES: readonly Language[] = ["python", "javascript", "typescript", "bash", "rust"];
const RUSTC = ["/usr/bin/rustc", "/usr/local/bin/rustc"];

/** The languages that sandboxes have: what this host's `/usr` holds, with our kernels and our Node. */
export function offeredLanguages(kernelsDir: string, nodePath: string): Language[] {
  return LANGUAGES.filter((language) => {
    const argv = kernelArgv(language, { kernels: kernelsDir, node: nodePath });
    if (!argv) return RUSTC.some((path) => existsSync(path));
    return argv.filter((word) => word.startsWith("/")).every((path) => existsSync(path));
  });
}
