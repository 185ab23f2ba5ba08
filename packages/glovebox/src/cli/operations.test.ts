import type { Command } from "commander";
import { expect, test } from "vitest";
import { OPERATIONS } from "../surfaces/operations/index.ts";
import { buildProgram } from "./program.ts";

const program = buildProgram();

function find(words: string): Command | undefined {
  let at: Command | undefined = program;
  for (const word of words.split(" ")) at = at?.commands.find((command) => command.name() === word);
  return at;
}

test.each(Object.entries(OPERATIONS))("the operation %s has its command, or the table says why not", (_id, { cli }) => {
  if (typeof cli === "string") expect(find(cli), cli).toBeDefined();
  else expect(cli.leftOut).toMatch(/\w/);
});

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

test("every command describes itself and its options, and takes the options of all", () => {
  for (const command of leaves(program)) {
    expect(command.description(), command.name()).toMatch(/\w/);
    for (const option of command.options) expect(option.description, option.flags).toMatch(/\w/);
  }
  expect(program.options.map(({ long }) => long)).toEqual(
    expect.arrayContaining(["--url", "--token", "--data", "--json", "--version"]),
  );
});
