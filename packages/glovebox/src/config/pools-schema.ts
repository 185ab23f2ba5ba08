import { z } from "zod";

function pool(template: string) {
  const count = z.number().int().min(0).max(1000);
  return z
    .strictObject({
      min: count
        .optional()
        .describe(`Sandboxes that are ready at any time for sessions of the template \`${template}\`; default 0`),
      max: count.optional().describe("The most that are ready where many are asked for; default as many as `min`"),
      refillConcurrency: z.number().int().min(1).max(64).optional().describe("Made at the same time; default 1"),
    })
    .refine(({ min = 0, max = min }) => min <= max, "`min` is above `max`")
    .prefault({});
}

/** Sandboxes that are ready before a session asks: see docs/reference/pools.md. */
export const PoolsSchema = z
  .strictObject({
    minFreePercent: z
      .number()
      .min(0)
      .max(100)
      .default(10)
      .describe("Percent of this machine's memory, and of the server's limit, below which pools give theirs back"),
    maxPressurePercent: z
      .number()
      .min(0)
      .max(100)
      .default(20)
      .describe("Percent of the time that programs wait for memory above which pools give theirs back"),
    bubblewrap: pool("python"),
    isolate: pool("js-isolate"),
    gvisor: pool("gvisor"),
    microvm: pool("microvm"),
    node: pool("node"),
    bash: pool("bash"),
    rust: pool("rust"),
    ci: pool("ci"),
  })
  .prefault({})
  .describe("Sandboxes in readiness for the ready-made templates of the root token's tenant");
