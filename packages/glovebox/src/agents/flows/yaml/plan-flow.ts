import type { PlanStep } from "../plan.ts";
import { type FlowStep, listsWithin, type RememberStep } from "./flow-file.ts";
import { templateText } from "./template.ts";

/** The steps of a flow, for the dry run. */
export function planSteps(steps: readonly FlowStep[]): readonly PlanStep[] {
  return steps.map((step) => {
    const within = listsWithin(step).flatMap(planSteps);
    const onError = typeof step.onError === "string" ? [] : planSteps(step.onError);
    const { needs, budget } = step;
    return {
      id: step.id,
      kind: step.kind,
      ...(step.kind === "agent" && { agent: step.agent }),
      ...(noteOf(step) !== undefined && { note: noteOf(step) as string }),
      ...(needs !== undefined && { after: needs }),
      ...(step.if !== undefined && { if: step.if.text }),
      ...(step.kind === "until" && { rounds: step.maxRounds }),
      ...(budget !== undefined && { budget }),
      ...(within.length + onError.length > 0 && {
        steps: [...within, ...onError.map((one) => ({ ...one, if: `${step.id} fails` }))],
      }),
    };
  });
}

function noteOf(step: FlowStep): string | undefined {
  const parts: string[] = step.name === undefined ? [] : [step.name];
  if (step.kind === "until") parts.push(`until ${step.until.text}`);
  if (step.kind === "parallel" && step.aggregate !== undefined) parts.push(step.aggregate.kind);
  if (step.kind === "remember") parts.push(documentNote(step));
  if (step.attempts > 1) parts.push(`${step.attempts} attempts`);
  return parts.length === 0 ? undefined : parts.join(", ");
}

/** `lesson notes/a.md (global)`: what of it is computed stays as it is written. */
function documentNote({ documentKind, path, documentScope }: RememberStep): string {
  return [documentKind, ...(path === undefined ? [] : [templateText(path)]), `(${templateText(documentScope)})`].join(
    " ",
  );
}
