import type { Rule } from "../types.ts";

export const rustRules: readonly Rule[] = [
  {
    id: "rust.unsafe",
    language: "rust",
    severity: "medium",
    decision: "ask",
    pattern: { kind: "node", types: ["unsafe"] },
    message: "leaves the compiler's checks",
  },
  {
    id: "rust.process",
    language: "rust",
    severity: "high",
    decision: "ask",
    pattern: {
      kind: "name",
      names: [
        "std::process::Command*",
        "tokio::process::Command*",
        "std::os::unix::process::*",
        "async_std::process::Command*",
      ],
    },
    message: "runs another program",
  },
  {
    id: "rust.foreign",
    language: "rust",
    severity: "medium",
    decision: "ask",
    pattern: { kind: "node", types: ["foreign_mod_item", "extern_modifier"] },
    message: "declares or offers functions of another language",
  },
  {
    id: "rust.libc",
    language: "rust",
    severity: "medium",
    decision: "ask",
    pattern: {
      kind: "name",
      names: ["libc::system", "libc::exec*", "libc::fork", "libc::popen", "nix::unistd::fork", "nix::unistd::exec*"],
    },
    message: "calls the system past the standard library",
  },
  {
    id: "rust.delete-root",
    language: "rust",
    severity: "critical",
    decision: "block",
    pattern: {
      kind: "name",
      names: ["std::fs::remove_dir_all", "std::fs::remove_dir", "tokio::fs::remove_dir_all", "std::fs::rename"],
      argument: "root",
    },
    message: "deletes or moves a folder that holds a system or a person's files",
  },
  {
    id: "rust.write-device",
    language: "rust",
    severity: "critical",
    decision: "block",
    pattern: {
      kind: "name",
      names: ["std::fs::write", "std::fs::File::create", "std::fs::File::open", "std::fs::OpenOptions*"],
      argument: "device",
    },
    message: "opens a disk past its file system",
  },
];
