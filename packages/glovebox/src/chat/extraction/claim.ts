import type { Language } from "../../core/index.ts";
import { type Detection, detectLanguage } from "./detect-language.ts";
import type { CodeSection } from "./markdown.ts";
import { readTag, type Tag } from "./tags.ts";
import {
  readPythonTranscript,
  readShellTranscript,
  startsWithPrompt,
  startsWithPythonPrompt,
  type Transcript,
} from "./transcript.ts";
import type { Sign } from "./weights.ts";

/** What a block claims to be, what it is, and the code in it. */
export interface Claim {
  readonly language: Language | null;
  /** Where the tag says another language. */
  readonly detected?: Language;
  readonly tag: string | null;
  readonly code: string;
  readonly signs: readonly Sign[];
}

/** Points by which another language has to lead before a tag counts as wrong. */
const SURE = 4;
/** For a guess to be taken where no tag says anything. */
const LIKELY = 2;

export function claimOf(section: CodeSection): Claim {
  const tag = readTag(section.info);
  const signs: Sign[] = [];
  if (tag.notRun) signs.push("tagNotRun");
  if (tag.file) signs.push("tagFile");
  const claim = claimByTag(tag, section.code);
  return { ...claim, tag: tag.written, signs: [...signs, ...claim.signs] };
}

type Untagged = Omit<Claim, "tag">;

function claimByTag(tag: Tag, code: string): Untagged {
  if (tag.kind === "diff" || looksLikeDiff(code)) return { language: null, code, signs: ["diff"] };
  const transcript = transcriptOf(tag, code);
  if (transcript !== undefined) return transcript;
  if (tag.kind === "other") return { language: null, code, signs: ["otherLanguage"] };
  const detection = detectLanguage(code);
  if (tag.language !== null) return claimOfTagged(tag.language, code, detection);
  return claimOfGuess(code, detection);
}

function transcriptOf(tag: Tag, code: string): Untagged | undefined {
  const isShell =
    tag.kind === "shell-transcript" ||
    ((tag.language === "bash" || tag.kind === "none" || tag.written === "text") && startsWithPrompt(code));
  const isPython =
    tag.kind === "python-transcript" ||
    ((tag.language === "python" || tag.kind === "none") && startsWithPythonPrompt(code));
  if (isShell) return claimOfTranscript("bash", readShellTranscript(code), code);
  if (isPython) return claimOfTranscript("python", readPythonTranscript(code), code);
  return undefined;
}

/** What the tag calls a transcript but shows no prompt is output alone. */
function claimOfTranscript(language: Language, transcript: Transcript | undefined, code: string): Untagged {
  if (transcript === undefined) return { language: null, code, signs: ["notCode"] };
  return {
    language,
    code: transcript.code,
    signs: ["tagged", "transcript", ...(transcript.hasOutput ? (["transcriptOutput"] as const) : [])],
  };
}

function claimOfTagged(language: Language, code: string, { looksLike, lead }: Detection): Untagged {
  const claim: Untagged = { language, code, signs: ["tagged"] };
  const kin = (one: string) => one === "javascript" || one === "typescript";
  if (lead < SURE || looksLike === language || looksLike === "unknown" || (kin(looksLike) && kin(language)))
    return claim;
  if (looksLike === "output") return { ...claim, signs: ["tagged", "notCode"] };
  if (looksLike === "other") return { ...claim, signs: ["tagged", "mismatch"] };
  return { ...claim, detected: looksLike, signs: ["tagged", "mismatch"] };
}

function claimOfGuess(code: string, { looksLike, lead }: Detection): Untagged {
  if (looksLike === "other") return { language: null, code, signs: ["otherLanguage"] };
  if (looksLike === "unknown" || looksLike === "output" || lead < LIKELY)
    return { language: null, code, signs: ["notCode"] };
  return { language: looksLike, code, signs: ["detected"] };
}

/** A hunk's head, or at least three lines that begin with a sign and none that could be code. */
function looksLikeDiff(code: string): boolean {
  return (
    /^@@ -\d+(,\d+)? \+\d+(,\d+)? @@/m.test(code) || /^--- \S.*\n\+\+\+ \S/m.test(code) || /^diff --git /m.test(code)
  );
}
