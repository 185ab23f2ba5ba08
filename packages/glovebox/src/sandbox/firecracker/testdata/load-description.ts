import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { repositoryRoot } from "../../native/index.ts";
import type { Description } from "./api-description.ts";

/** Firecracker's published description of its API lies beside the project, and is not copied into it. */
const PATH = join(repositoryRoot(), "../shared/data/firecracker.yaml");

/** Errors: one that says where the file has to be. */
export function loadDescription(): Description {
  let text: string;
  try {
    text = readFileSync(PATH, "utf8");
  } catch (cause) {
    const where = "../shared/data/firecracker.yaml";
    throw new Error(`Firecracker's API description is needed to test against, at ${where}`, { cause });
  }
  return parse(text) as Description;
}
