import { askModel } from "../../../runs/index.ts";
import type { AgentHost, AgentModel } from "../../agent.ts";
import type { Layout } from "../../layout/layout.ts";
import { readTexts } from "../../layout/read-texts.ts";
import type { Artifact } from "../../messages/artifact.ts";
import { changes, summary } from "../../messages/make-message.ts";
import type { AgentOutcome } from "../../messages/result.ts";
import type { Workbench } from "../../workbench/workbench.ts";
import type { CodegenPayload } from "../payload.ts";
import { type Candidate, type Judged, judgeCandidates } from "./judge.ts";
import { type Asked, promptOf, SYSTEM } from "./prompt.ts";
import { readProposal } from "./read-proposal.ts";

const RETRIEVED = 8;

export interface Wish {
  /** In words. */
  readonly goal: string;
  readonly payload: Pick<CodegenPayload, "show" | "candidates" | "feedback">;
  readonly layout: Layout;
}

/**
 * Asks a model for proposals, judges each by parser, analysis, types and tests, and takes the best that is good. Which there were and why one was chosen is in the
 * artifacts; when none is good, nothing changes.
 */
export async function writeByModel(
  host: AgentHost & { readonly bench: Workbench; readonly model: AgentModel },
  { goal, payload, layout }: Wish,
): Promise<AgentOutcome> {
  const { bench, run, model, code } = host;
  const files = await bench.work("show", { paths: payload.show }, ({ paths }, repository) =>
    readTexts(repository, paths),
  );
  const retrieved = (await host.retrieve?.(run, "retrieve", goal.slice(0, 1_000), RETRIEVED)) ?? [];
  const asked: Asked = { goal, layout, files, retrieved, feedback: payload.feedback };
  const candidates: Candidate[] = [];
  for (let number = 1; number <= payload.candidates; number += 1) {
    const answer = await askModel(run, `propose ${number}`, model.provider, {
      model: model.model,
      system: SYSTEM,
      messages: [{ role: "user", text: promptOf(asked, number, payload.candidates) }],
      temperature: 0,
      seed: model.seed + number - 1,
    });
    const cut = answer.finish === "length" ? "the answer was cut off" : undefined;
    candidates.push({ id: `candidate-${number}`, files: cut ?? readProposal(answer.text) });
  }
  const { include } = bench.base;
  const judged = await bench.work("judge", { candidates }, (given, repository) =>
    judgeCandidates(given.candidates, { code, layout, repository, include }),
  );
  const artifacts = artifactsOf(judged);
  const [best] = judged;
  if (best?.isGood !== true) return summary("no proposal was good enough", { artifacts });
  return changes(best.diff, { artifacts });
}

function artifactsOf(judged: readonly Judged[]): Artifact[] {
  const [best] = judged;
  const told = judged.map(({ id, why }) => `${id}: ${why}`).join("; ");
  const list = judged.map(({ id, score, why, diff }) => ({ id, score, summary: why.slice(0, 4_000), diff }));
  return [
    { kind: "candidate_list", candidates: list },
    {
      kind: "selection",
      chosen: best?.isGood === true ? best.id : null,
      reason: told.slice(0, 4_000),
      among: judged.map(({ id }) => id),
    },
  ];
}
