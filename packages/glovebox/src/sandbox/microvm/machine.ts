import { type Accelerator, acceleratorOption, CPU_MODELS } from "./accelerator.ts";

/**
 * Descriptors that QEMU inherits: listening sockets of the supervisor's, whose end it lives by, and the state to begin from (a digit: a shell
 * opens it). `native/fork` has the same numbers.
 */
export const FDS = { agent: 10, qmp: 11, fork: 12, keeper: 13, state: 9 } as const;

/** Where QEMU sees what it is given; nothing else of the host is there but its own program and libraries. */
export const VM_PATHS = {
  dir: "/vm",
  memory: "/vm/memory",
  state: "/vm/state",
  io: "/vm/io",
  library: "/vm/fork.so",
} as const;

/** When machines boot, by their own clocks (UTC). */
export const TEMPLATE_TIME = "2001-01-01T00:00:00";

export interface Disk {
  readonly serial: "root" | "tools" | "packages" | "workspace";
  /** On the host. */
  readonly path: string;
  readonly writable?: boolean;
}

/** Where a guest's memory lives. */
export type Memory =
  | { readonly kind: "ram" }
  /** `shared`: the file is the memory. Else it is only read, and what the guest changes is its own. */
  | { readonly kind: "file"; readonly path: string; readonly shared: boolean };

/** All that makes a machine what it is. A clone must have the same, but for paths. */
export interface MachineSpec {
  readonly accelerator: Accelerator;
  readonly cpus: number;
  readonly ramMb: number;
  readonly kernel: string;
  readonly initramfs: string;
  /** The kernel's words, and after `--` those of `native/init`. */
  readonly words: readonly string[];
  readonly disks: readonly Disk[];
  readonly memory: Memory;
  /** File with device state, or with all of a machine, to go on from instead of booting. */
  readonly state?: string;
  /** Keep the last 16 KiB of its console, for who asks why it did not start. Without user code only. */
  readonly console?: boolean;
  /** Its process is to be copied. */
  readonly copied?: boolean;
}

/** The command line of QEMU, with paths as it sees them. */
export function qemuArgv(qemu: string, spec: MachineSpec, readsMemoryOnly: boolean): string[] {
  const { accelerator, memory } = spec;
  return [
    qemu,
    ...["-M", "microvm,x-option-roms=off,isa-serial=on,rtc=on,memory-backend=mem"],
    // Templates live in the past: to a copy of one it is then long ago that its programs last drew on the kernel's randomness, and
    // libraries that go by the clock (OpenSSL) do so anew.
    ...["-rtc", `base=${TEMPLATE_TIME}`],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-cpu", CPU_MODELS[accelerator]],
    ...["-smp", String(spec.cpus), "-m", `${spec.ramMb}M`, "-accel", acceleratorOption(accelerator, spec.cpus)],
    // One that is copied forks. `native/fork` has a filter of its own, which leaves it nothing else of `spawn`.
    ...[
      "-sandbox",
      `on,obsolete=deny,elevateprivileges=deny,spawn=${spec.copied ? "allow" : "deny"},resourcecontrol=deny`,
    ],
    ...["-object", memoryOption(memory, spec.ramMb, readsMemoryOnly)],
    ...["-kernel", `${VM_PATHS.dir}/kernel`, "-initrd", `${VM_PATHS.dir}/initramfs`, "-append", spec.words.join(" ")],
    ...["-device", "virtio-serial-device", "-chardev", `socket,id=agent,fd=${FDS.agent},server=on,wait=off`],
    ...["-device", "virtserialport,chardev=agent,name=agent"],
    ...["-chardev", `socket,id=qmp,fd=${FDS.qmp},server=on,wait=off`, "-mon", "chardev=qmp,mode=control"],
    ...["-chardev", spec.console ? "ringbuf,id=console,size=16384" : "null,id=console", "-serial", "chardev:console"],
    ...spec.disks.flatMap(({ serial, writable }) => [
      "-drive",
      `if=none,id=${serial},format=raw,cache=unsafe,file=${VM_PATHS.dir}/${serial},readonly=${writable ? "off" : "on"},file.locking=off`,
      "-device",
      `virtio-blk-device,drive=${serial},serial=${serial}`,
    ]),
    ...(spec.state === undefined ? [] : ["-incoming", "defer"]),
  ];
}

function memoryOption(memory: Memory, ramMb: number, readsMemoryOnly: boolean): string {
  if (memory.kind === "ram") return `memory-backend-ram,id=mem,size=${ramMb}M`;
  const only = !memory.shared && readsMemoryOnly ? ",readonly=on,rom=off" : "";
  return `memory-backend-file,id=mem,size=${ramMb}M,mem-path=${VM_PATHS.memory},share=${memory.shared ? "on" : "off"}${only}`;
}

/** Host file and the name under `/vm` by which QEMU opens it; the writable ones are the machine's own. */
export function machineFiles(
  spec: MachineSpec,
): { readonly path: string; readonly name: string; readonly writable: boolean }[] {
  return [
    { path: spec.kernel, name: "kernel", writable: false },
    { path: spec.initramfs, name: "initramfs", writable: false },
    ...spec.disks.map(({ path, serial, writable }) => ({ path, name: serial, writable: writable ?? false })),
    ...(spec.memory.kind === "file" ? [{ path: spec.memory.path, name: "memory", writable: spec.memory.shared }] : []),
    ...(spec.state === undefined ? [] : [{ path: spec.state, name: "state", writable: false }]),
  ];
}
