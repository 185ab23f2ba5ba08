import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type * as AstGrep from "@ast-grep/wasm";
import type { GrammarName } from "../../syntax/index.ts";

type Bindings = typeof AstGrep & { __wbg_set_wasm(exports: unknown): void };

/** The part of WebAssembly that is used: Node's types leave it out. */
const { Module, Instance } = WebAssembly as unknown as {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: { __wbindgen_start(): void } };
};

const require = createRequire(import.meta.url);
const GRAMMARS = ["python", "javascript", "typescript", "tsx"] as const satisfies readonly GrammarName[];
/** What stands for `$` in patterns, where `$` is no letter of the language. */
const EXPANDO: Readonly<Partial<Record<GrammarName, string>>> = { python: "µ" };

let loading: Promise<typeof AstGrep> | undefined;

/**
 * ast-grep in WebAssembly, over the grammars that everything else here is parsed with. Its own entry imports WebAssembly as a module, which Node calls an experiment and
 * says so on stderr: so it is loaded here as that entry does it.
 */
export function astGrep(): Promise<typeof AstGrep> {
  loading ??= load();
  return loading;
}

async function load(): Promise<typeof AstGrep> {
  const entry = pathToFileURL(require.resolve("@ast-grep/wasm/wasm_bg.js")).href;
  const bindings = (await import(entry)) as Bindings;
  const module = new Module(await readFile(require.resolve("@ast-grep/wasm/wasm_bg.wasm")));
  const { exports } = new Instance(module, { "./wasm_bg.js": bindings });
  bindings.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  await bindings.initializeTreeSitter();
  const languages = GRAMMARS.map((name) => {
    const libraryPath = require.resolve(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${name}.wasm`);
    const expandoChar = EXPANDO[name];
    return [name, { libraryPath, ...(expandoChar !== undefined && { expandoChar }) }] as const;
  });
  await bindings.registerDynamicLanguage(Object.fromEntries(languages));
  return bindings;
}
