import type { Rule } from "../types.ts";
import { bashRules } from "./bash.ts";
import { commonRules } from "./common.ts";
import { javascriptRules } from "./javascript.ts";
import { pythonRules } from "./python.ts";
import { rustRules } from "./rust.ts";

/** Every rule that holds unless an assistant changes it. */
export const RULES: readonly Rule[] = [...commonRules, ...bashRules, ...pythonRules, ...javascriptRules, ...rustRules];
