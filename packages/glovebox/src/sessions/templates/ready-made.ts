import { DEFAULT_LIMITS, type Limits, type TemplateInput } from "../../core/index.ts";

const MORE: Limits = {
  ...DEFAULT_LIMITS,
  wallMs: 3_600_000,
  cpuMs: 3_600_000,
  compileMs: 900_000,
  outputBytes: 64 * 1_048_576,
  maxEvents: 1_000_000,
  cpus: 8,
  memoryMb: 4_096,
  pids: 4_096,
  openFiles: 65_536,
  diskMb: 16_384,
};

const SIX_HOURS_MS = 6 * 3_600_000;

/** The templates that every tenant finds. They can be changed, cloned and deleted like any other. */
export const READY_MADE: readonly TemplateInput[] = [
  { name: "python", isolation: "bubblewrap", languages: ["python", "bash"], maxLimits: MORE },
  { name: "node", isolation: "bubblewrap", languages: ["javascript", "typescript", "bash"], maxLimits: MORE },
  { name: "bash", isolation: "bubblewrap", languages: ["bash"], maxLimits: MORE },
  { name: "rust", isolation: "bubblewrap", languages: ["rust", "bash"], limits: { memoryMb: 1_024 }, maxLimits: MORE },
  {
    name: "gvisor",
    isolation: "gvisor",
    languages: ["python", "javascript", "typescript", "bash", "rust"],
    limits: { memoryMb: 1_024 },
    maxLimits: MORE,
  },
  {
    name: "microvm",
    isolation: "microvm",
    languages: ["python", "javascript", "typescript", "bash"],
    // Where there is no KVM a machine computes a tenth as fast, and takes for its CPU time what the host's others take from it.
    limits: { wallMs: 300_000, cpuMs: 200_000 },
    maxLimits: MORE,
  },
  {
    name: "firecracker",
    isolation: "firecracker",
    languages: ["python", "javascript", "typescript", "bash"],
    maxLimits: MORE,
  },
  { name: "js-isolate", isolation: "isolate", languages: ["javascript", "typescript"], maxLimits: MORE },
  {
    name: "ci",
    isolation: "bubblewrap",
    languages: ["bash", "python", "javascript", "typescript"],
    limits: {
      wallMs: SIX_HOURS_MS,
      cpuMs: SIX_HOURS_MS,
      outputBytes: 64 * 1_048_576,
      maxEvents: 1_000_000,
      cpus: 2,
      memoryMb: 2_048,
      pids: 1_024,
      openFiles: 4_096,
      diskMb: 4_096,
    },
    maxLimits: { ...MORE, wallMs: SIX_HOURS_MS, cpuMs: 4 * SIX_HOURS_MS },
  },
];
