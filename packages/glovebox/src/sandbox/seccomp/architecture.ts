import { ARM64_SYSCALLS } from "./syscalls-arm64.ts";
import { X86_64_SYSCALLS } from "./syscalls-x86-64.ts";

export interface Architecture {
  /** `AUDIT_ARCH_…` as the kernel reports it to filters. */
  readonly audit: number;
  readonly syscalls: Readonly<Record<string, number>>;
  /** Numbers from here on belong to another calling convention (x32). */
  readonly foreignFrom?: number;
}

export const ARCHITECTURES: Readonly<Record<"x64" | "arm64", Architecture>> = {
  x64: { audit: 0xc000003e, syscalls: X86_64_SYSCALLS, foreignFrom: 0x40000000 },
  arm64: { audit: 0xc00000b7, syscalls: ARM64_SYSCALLS },
};
