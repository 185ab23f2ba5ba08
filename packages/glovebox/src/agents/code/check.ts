import { parseCode, type SyntaxProblem } from "../../syntax/index.ts";
import { type CodeFile, grammarOfFile } from "./code-file.ts";

/** What keeps a file from being parsed, at most 20 problems; none when it is code of its language. */
export async function check(file: CodeFile): Promise<readonly SyntaxProblem[]> {
  const { errors } = await parseCode(file.text, grammarOfFile(file).grammar);
  return errors;
}
