/** A command to the runner in a line of output. */
export interface WorkflowCommand {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
}

const OLD_PREFIX = "##[";

/**
 * Reads a line: `::name key=value,key=value::data` after white space alone, or the old `##[name key=value;key=value]data` anywhere. `undefined` when it is none.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands, and for what it leaves open `ActionCommand` of actions/runner.
 */
export function parseCommand(line: string): WorkflowCommand | undefined {
  return parseNew(line.trimStart()) ?? parseOld(line);
}

function parseNew(line: string): WorkflowCommand | undefined {
  if (!line.startsWith("::")) return undefined;
  const end = line.indexOf("::", 2);
  return end < 0 ? undefined : commandOf(line.slice(2, end), line.slice(end + 2), ",", unescapeNew);
}

function parseOld(line: string): WorkflowCommand | undefined {
  const start = line.indexOf(OLD_PREFIX);
  const end = start < 0 ? -1 : line.indexOf("]", start);
  if (end < 0) return undefined;
  return commandOf(line.slice(start + OLD_PREFIX.length, end), line.slice(end + 1), ";", unescapeOld);
}

type Unescape = (text: string, where: "data" | "property") => string;

function commandOf(head: string, data: string, separator: string, plain: Unescape): WorkflowCommand | undefined {
  const space = head.indexOf(" ");
  const name = space < 0 ? head : head.slice(0, space);
  if (name === "") return undefined;
  const properties: Record<string, string> = Object.create(null);
  for (const pair of space < 0 ? [] : head.slice(space + 1).split(separator)) {
    const equals = pair.indexOf("=");
    if (equals > 0) properties[pair.slice(0, equals).trim()] = plain(pair.slice(equals + 1), "property");
  }
  return { name, properties, data: plain(data, "data") };
}

const NEW_ESCAPES: Readonly<Record<string, string>> = { "%0D": "\r", "%0A": "\n", "%25": "%", "%3A": ":", "%2C": "," };
const OLD_ESCAPES: Readonly<Record<string, string>> = { "%0D": "\r", "%0A": "\n", "%5D": "]", "%3B": ";", "%25": "%" };

function unescapeNew(text: string, where: "data" | "property"): string {
  const escapes = where === "data" ? /%0D|%0A|%25/g : /%0D|%0A|%25|%3A|%2C/g;
  return text.replaceAll(escapes, (found) => NEW_ESCAPES[found] ?? found);
}

function unescapeOld(text: string): string {
  return text.replaceAll(/%0D|%0A|%5D|%3B|%25/g, (found) => OLD_ESCAPES[found] ?? found);
}
