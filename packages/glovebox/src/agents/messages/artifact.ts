import { z } from "zod";
import { Diff } from "./diff.ts";
import { LIMITS } from "./limits.ts";
import { Content, Count, Line, RepositoryPath, Share, ShortText, Text } from "./parts.ts";

const TextArtifact = z.strictObject({ kind: z.literal("text"), title: ShortText.optional(), text: Text });

const FileArtifact = z.strictObject({ kind: z.literal("file"), path: RepositoryPath, content: Content });

const DiffArtifact = z.strictObject({ kind: z.literal("diff"), title: ShortText.optional(), diff: Diff });

export const TestStatus = z.enum(["passed", "failed", "error", "skipped", "timeout"]);
export type TestStatus = z.infer<typeof TestStatus>;

const TestResultArtifact = z.strictObject({
  kind: z.literal("test_result"),
  /** `file::name` */
  name: ShortText,
  status: TestStatus,
  /** What it said; empty when it passed. */
  log: Text,
});

export const Severity = z.enum(["info", "warn", "error"]);
export type Severity = z.infer<typeof Severity>;

const AnalysisArtifact = z.strictObject({
  kind: z.literal("analysis"),
  /** What it is about: a function, a file, a module. */
  target: ShortText,
  details: ShortText,
  severity: Severity,
  suggestions: z.array(ShortText).max(LIMITS.suggestions),
  /** What found it. */
  rule: z.string().min(1).max(200).optional(),
  path: RepositoryPath.optional(),
  line: Line.optional(),
});

/** From and to, both included. */
const LineRange = z.tuple([Line, Line]);

const CoverageArtifact = z.strictObject({
  kind: z.literal("coverage"),
  files: z
    .array(
      z.strictObject({
        path: RepositoryPath,
        /** Lines that can be executed, and those that were. */
        executable: Count,
        covered: Count,
        missed: z.array(LineRange).max(LIMITS.files),
      }),
    )
    .max(LIMITS.files),
  /** Of all files together. */
  lineRate: Share,
});

const Milliseconds = z.number().min(0);

/** A median, and the median distance from it. */
const Spread = z.strictObject({ medianMs: Milliseconds, madMs: Milliseconds, repeats: Count });

/** What depends on the machine and its moment: whoever compares two results leaves it out. */
const Measured = z.strictObject({
  /** Of the hotspots, in their order. */
  hotspots: z.array(z.strictObject({ selfMs: Milliseconds, totalMs: Milliseconds })).max(LIMITS.ranked),
  /** Of the whole, where it was repeated. */
  time: Spread.extend({ metric: z.enum(["cpu", "wall"]) }).optional(),
  /** Against a baseline. `noise`: the difference may be chance. */
  comparison: z
    .strictObject({ baseline: Spread, verdict: z.enum(["faster", "slower", "noise"]), ratio: z.number().min(0) })
    .optional(),
});

const ProfileArtifact = z.strictObject({
  kind: z.literal("profile"),
  tool: z.string().min(1).max(100),
  /** Of `self` and `total`: `calls`, `samples`, `share`, … */
  unit: z.string().min(1).max(40),
  hotspots: z
    .array(
      z.strictObject({
        name: ShortText,
        path: RepositoryPath.optional(),
        line: Line.optional(),
        self: z.number().min(0),
        total: z.number().min(0),
        calls: Count.optional(),
      }),
    )
    .max(LIMITS.ranked),
  measured: Measured.optional(),
});

const CandidateListArtifact = z.strictObject({
  kind: z.literal("candidate_list"),
  /** Best first. */
  candidates: z
    .array(
      z.strictObject({
        id: z.string().min(1).max(200),
        /** Higher is better. */
        score: z.number(),
        summary: ShortText.optional(),
        path: RepositoryPath.optional(),
        line: Line.optional(),
        diff: Diff.optional(),
      }),
    )
    .max(LIMITS.ranked),
});

const SelectionArtifact = z.strictObject({
  kind: z.literal("selection"),
  /** Null: none was good enough. */
  chosen: z.string().min(1).max(200).nullable(),
  reason: ShortText,
  /** Ids of what there was to choose from. */
  among: z.array(z.string().min(1).max(200)).max(LIMITS.ranked),
});

const TranscriptArtifact = z.strictObject({
  kind: z.literal("transcript"),
  messages: z
    .array(z.strictObject({ role: z.enum(["system", "user", "assistant", "tool"]), text: Text }))
    .max(LIMITS.transcript),
});

/** What a result has to show, told apart by `kind`. */
export const Artifact = z.discriminatedUnion("kind", [
  TextArtifact,
  FileArtifact,
  DiffArtifact,
  TestResultArtifact,
  AnalysisArtifact,
  CoverageArtifact,
  ProfileArtifact,
  CandidateListArtifact,
  SelectionArtifact,
  TranscriptArtifact,
]);
export type Artifact = z.infer<typeof Artifact>;
