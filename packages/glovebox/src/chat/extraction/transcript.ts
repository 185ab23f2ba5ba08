/** What a transcript of a terminal holds: the commands that were typed, and whether there is output between them. */
export interface Transcript {
  readonly code: string;
  readonly hasOutput: boolean;
}

/** `$ `, `% `, `user@host:~/x$ `, `root@host:/# `, `(venv) $ `. A lone `# ` is a comment, `> ` a continuation. */
const SHELL_PROMPT =
  /^(?:\([\w.-]{1,40}\) ?)?(?:(?:[\w.-]{1,40}@[\w.-]{1,60}[: ]?[^\s$#%]{0,100} ?[$#%])|(?:~?[\w/~.-]{0,60} ?\$)|%) (?=\S)/;
const PYTHON_PROMPT = /^(?:>>>|In \[\d{1,5}\]:) ?/;
const PYTHON_MORE = /^(?:\.\.\.|\.{3}:) ?/;

/** Whether code begins with a shell's prompt, whatever its tag says. */
export function startsWithPrompt(code: string): boolean {
  return SHELL_PROMPT.test(firstLine(code));
}

/** The same for Python's `>>> `. */
export function startsWithPythonPrompt(code: string): boolean {
  return /^>>> /.test(firstLine(code));
}

/** The commands after shell prompts, with their continued lines and here-documents. `undefined` when no line has a prompt. */
export function readShellTranscript(text: string): Transcript | undefined {
  const commands: string[] = [];
  let hasOutput = false;
  /** What ends the here-document that a command opened. */
  let until: string | undefined;
  let continues = false;
  for (const line of text.split("\n")) {
    const prompt = SHELL_PROMPT.exec(line);
    if (until !== undefined || continues) {
      const body = line.replace(/^> /, "");
      commands.push(body);
      continues = until === undefined && body.endsWith("\\");
      if (until !== undefined && body.trim() === until) until = undefined;
    } else if (prompt !== null) {
      const command = line.slice(prompt[0].length);
      commands.push(command);
      continues = command.endsWith("\\");
      until = /<<-?\s*["']?(\w{1,40})["']?/.exec(command)?.[1];
    } else if (line.trim() !== "" && !line.startsWith("#")) hasOutput = true;
  }
  return commands.length === 0 ? undefined : { code: commands.join("\n"), hasOutput };
}

/** What was typed after Python's prompts. `undefined` when no line has one. */
export function readPythonTranscript(text: string): Transcript | undefined {
  const typed: string[] = [];
  let hasOutput = false;
  for (const line of text.split("\n")) {
    const prompt = PYTHON_PROMPT.exec(line) ?? (typed.length > 0 ? PYTHON_MORE.exec(line) : null);
    if (prompt !== null) typed.push(line.slice(prompt[0].length));
    else if (line.trim() !== "") hasOutput = true;
  }
  return typed.length === 0 ? undefined : { code: typed.join("\n"), hasOutput };
}

function firstLine(code: string): string {
  return (/^\s*(.*)/.exec(code)?.[1] ?? "").slice(0, 300);
}
