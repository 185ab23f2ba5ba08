import { z } from "zod";

export const Isolation = z.enum(["isolate", "bubblewrap", "gvisor", "microvm", "firecracker"]);
export type Isolation = z.infer<typeof Isolation>;

export const Language = z.enum(["python", "javascript", "typescript", "bash", "rust"]);
export type Language = z.infer<typeof Language>;
