import type { Command } from "commander";
import { UsageError } from "../failure.ts";

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_glovebox() {
  local IFS=$'\\n'
  COMPREPLY=($(glovebox completion --words "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [ \${#COMPREPLY[@]} -gt 0 ] || compopt -o default 2>/dev/null
}
complete -F _glovebox glovebox
`,
  zsh: `#compdef glovebox
_glovebox() {
  local -a found
  found=("\${(@f)$(glovebox completion --words "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _glovebox glovebox
`,
  fish: `function __glovebox_complete
  set -l words (commandline -opc) (commandline -ct)
  glovebox completion --words $words[2..-1] 2>/dev/null
end
complete -c glovebox -a '(__glovebox_complete)'
`,
};

export function addCompletion(program: Command): void {
  program
    .command("completion [shell]")
    .description("A script for bash, zsh or fish that completes commands: source <(glovebox completion bash)")
    .action((shell: string | undefined) => {
      const script = shell === undefined || !Object.hasOwn(SCRIPTS, shell) ? undefined : SCRIPTS[shell];
      if (script === undefined) throw new UsageError("which shell?", "bash, zsh or fish");
      process.stdout.write(script);
    });
}

/** Values of options that are one of a few. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "--decision": ["allow", "deny"],
  "--isolation": ["isolate", "bubblewrap", "gvisor", "microvm", "firecracker"],
  "--lang": ["python", "javascript", "typescript", "bash", "rust"],
  "--language": ["python", "javascript", "typescript", "bash", "rust"],
  "--role": ["viewer", "agent", "developer", "operator", "admin"],
  "--status": ["starting", "ready", "paused", "crashed", "closing", "closed", "lost"],
};

/** What may stand in place of the last of `words`: subcommands, options, and values that are one of a few. */
export function completions(program: Command, words: readonly string[]): readonly string[] {
  const done = words.slice(0, -1);
  const partial = words.at(-1) ?? "";
  let at = program;
  const parents = [program];
  for (const word of done) {
    const next = at.commands.find((command) => command.name() === word || command.aliases().includes(word));
    if (next === undefined) continue;
    at = next;
    parents.push(next);
  }
  const before = done.at(-1) ?? "";
  const fixed = Object.hasOwn(VALUES, before) ? VALUES[before] : at.name() === "repl" ? VALUES["--lang"] : undefined;
  const options = [...new Set(parents)].flatMap((command) => command.options.filter(({ hidden }) => !hidden));
  const candidates = partial.startsWith("-")
    ? [...options.map(({ long, short }) => long ?? short ?? ""), "--help"]
    : (fixed ?? (at.commands.length > 0 ? at.commands.map((command) => command.name()) : shellsOf(at)));
  return candidates.filter((word) => word.startsWith(partial)).sort();
}

function shellsOf(command: Command): readonly string[] {
  return command.name() === "completion" ? Object.keys(SCRIPTS) : [];
}
