import type { Rule } from "../types.ts";

/** For TypeScript too. */
export const javascriptRules: readonly Rule[] = [
  {
    id: "javascript.eval",
    language: "javascript",
    severity: "medium",
    decision: "ask",
    pattern: {
      kind: "name",
      names: ["eval", "eval.call", "eval.apply", "vm.runIn*", "vm.Script", "vm.compileFunction"],
    },
    message: "runs text as code",
  },
  {
    id: "javascript.function-constructor",
    language: "javascript",
    severity: "medium",
    decision: "ask",
    pattern: {
      kind: "name",
      names: [
        "Function",
        "Function.call",
        "Function.apply",
        "*.constructor.constructor",
        "(value).constructor",
        "Reflect.construct(Function*",
      ],
    },
    message: "makes a function out of text",
  },
  {
    id: "javascript.child-process",
    language: "javascript",
    severity: "high",
    decision: "ask",
    pattern: {
      kind: "name",
      names: [
        "child_process",
        "child_process.*",
        "Bun.spawn*",
        "Bun.$",
        "Deno.Command",
        "Deno.run",
        "execa",
        "shelljs",
      ],
    },
    message: "runs other programs",
  },
  {
    id: "javascript.process-internals",
    language: "javascript",
    severity: "high",
    decision: "ask",
    pattern: {
      kind: "name",
      names: ["process.binding", "process._linkedBinding", "process.dlopen", "process.mainModule.*"],
    },
    message: "reaches into the runtime",
  },
  {
    id: "javascript.delete-root",
    language: "javascript",
    severity: "critical",
    decision: "block",
    pattern: {
      kind: "name",
      names: [
        "fs.rm",
        "fs.rmSync",
        "fs.rmdir",
        "fs.rmdirSync",
        "fs.promises.rm",
        "fs.promises.rmdir",
        "fs/promises.rm",
        "fs/promises.rmdir",
        "fs-extra.remove*",
        "rimraf",
        "Deno.remove*",
      ],
      argument: "root",
    },
    message: "deletes a folder that holds a system or a person's files",
  },
  {
    id: "javascript.write-device",
    language: "javascript",
    severity: "critical",
    decision: "block",
    pattern: {
      kind: "name",
      names: [
        "fs.open*",
        "fs.writeFile*",
        "fs.createWriteStream",
        "fs.promises.open",
        "fs.promises.writeFile",
        "fs/promises.open",
        "fs/promises.writeFile",
      ],
      argument: "device",
    },
    message: "opens a disk past its file system",
  },
];
