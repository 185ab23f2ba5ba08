import type { Architecture } from "./architecture.ts";
import { BPF, BpfBuilder, type BpfInstruction, type Mark } from "./bpf.ts";
import { type Rule, UNKNOWN, type Verdict } from "./rule.ts";

/** Offsets in `struct seccomp_data`. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const ARGUMENTS_AT = 16;
/** `SECCOMP_RET_…` */
const RETURN = { allow: 0x7fff0000, errno: 0x00050000, kill: 0x80000000 } as const;

/** The rules of one profile: by name, and what holds for every other call that the architecture has. */
export interface Profile {
  readonly rules: ReadonlyMap<string, Rule>;
  readonly otherwise: Verdict;
}

interface Range {
  readonly from: number;
  readonly rule: Rule;
}

/**
 * Compiles a profile to classic BPF: the architecture first (another one kills), x32 refused, then a binary search over
 * ranges of numbers. Numbers newer than our tables give ENOSYS, on which libraries fall back to what they did before.
 */
export function compileFilter(profile: Profile, architecture: Architecture): BpfInstruction[] {
  const builder = new BpfBuilder();
  const search = emitSearch(builder, rangesOf(profile, architecture));
  if (architecture.foreignFrom !== undefined) {
    const refuse = emitVerdict(builder, UNKNOWN);
    builder.branch(BPF.jumpGreaterOrEqual, architecture.foreignFrom, refuse, search);
  }
  const known = builder.prepend(BPF.loadWord, NUMBER_AT);
  const foreign = emitVerdict(builder, { kind: "kill" });
  builder.branch(BPF.jumpEqual, architecture.audit, known, foreign);
  builder.prepend(BPF.loadWord, ARCHITECTURE_AT);
  return builder.finish();
}

function rangesOf(profile: Profile, architecture: Architecture): Range[] {
  const byNumber = new Map(Object.entries(architecture.syscalls).map(([name, number]) => [number, name]));
  const last = Math.max(...byNumber.keys());
  const ranges: Range[] = [];
  for (let number = 0; number <= last + 1; number += 1) {
    const name = byNumber.get(number);
    const rule = name === undefined ? UNKNOWN : (profile.rules.get(name) ?? profile.otherwise);
    if (ranges.at(-1)?.rule !== rule) ranges.push({ from: number, rule });
  }
  return ranges;
}

function emitSearch(builder: BpfBuilder, ranges: readonly Range[]): Mark {
  const [only] = ranges;
  if (ranges.length === 1 && only) return emitRule(builder, only.rule);
  const middle = ranges.length >> 1;
  const right = emitSearch(builder, ranges.slice(middle));
  const left = emitSearch(builder, ranges.slice(0, middle));
  return builder.branch(BPF.jumpGreaterOrEqual, ranges[middle]?.from ?? 0, right, left);
}

function emitRule(builder: BpfBuilder, rule: Rule): Mark {
  if (rule.kind !== "cases") return emitVerdict(builder, rule);
  let next = emitVerdict(builder, rule.otherwise);
  for (const { when, verdict } of rule.cases.toReversed()) {
    let hit = emitVerdict(builder, verdict);
    for (const { argument, test, value } of when.toReversed()) {
      builder.branch(test === "equals" ? BPF.jumpEqual : BPF.jumpAnyBit, value, hit, next);
      hit = builder.prepend(BPF.loadWord, ARGUMENTS_AT + argument * 8);
    }
    next = hit;
  }
  return next;
}

function emitVerdict(builder: BpfBuilder, verdict: Verdict): Mark {
  if (verdict.kind === "errno") return builder.prepend(BPF.answer, RETURN.errno | verdict.errno);
  return builder.prepend(BPF.answer, RETURN[verdict.kind]);
}
