import { Composer, type Document, Lexer, type LineCounter, Parser } from "yaml";
import { YamlLimitError } from "./yaml-events.ts";

/** Some 5,000 lines; the text of a script counts as one, however long it is. */
const MAX_LEXEMES = 100_000;

/** Of open collections in the library's parser, which has up to three for a level. GitHub's bound on levels is held later, with its place. */
const MAX_OPEN = 200;

/** As `parseDocument` of the YAML library, but given up as soon as there is too much: its later stages take more than their share of time and stack. */
export function composeYaml(text: string, lines: LineCounter): Document {
  const composer = new Composer({ keepSourceTokens: true, uniqueKeys: false, prettyErrors: false });
  const [document, second] = composer.compose(boundedTokens(text, lines), true, text.length);
  if (document === undefined) throw new YamlLimitError("The file is empty", undefined);
  if (second !== undefined) {
    const { line, col: column } = lines.linePos(second.range[0]);
    const start = { line, column };
    throw new YamlLimitError("A file can hold one document only, this one holds multiple documents", {
      start,
      end: start,
    });
  }
  return document as Document;
}

function* boundedTokens(text: string, lines: LineCounter): ReturnType<Parser["parse"]> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    count += 1;
    if (count > MAX_LEXEMES) throw new YamlLimitError("The file has too many lines, keys and values", undefined);
    if (parser.stack.length > MAX_OPEN) throw new YamlLimitError("Maximum object depth exceeded", undefined);
    yield* parser.next(lexeme);
  }
  yield* parser.end();
}
