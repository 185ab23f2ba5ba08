import { BPF, type BpfInstruction } from "./bpf.ts";

export interface SyscallData {
  readonly number: number;
  readonly architecture: number;
  readonly arguments?: readonly (bigint | number)[];
}

/** For tests: runs a filter as the kernel would, with the checks that it makes when one is loaded. */
export function runFilter(program: readonly BpfInstruction[], call: SyscallData): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number >>> 0, 0);
  data.writeUInt32LE(call.architecture >>> 0, 4);
  call.arguments?.forEach((value, index) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + index * 8);
  });
  let accumulator = 0;
  for (let at = 0, steps = 0; steps <= program.length; steps += 1) {
    const instruction = program[at];
    if (!instruction) throw new Error(`the filter runs past its end, at ${at}`);
    const { code, jt, jf, k } = instruction;
    if (jt > 255 || jf > 255) throw new Error(`a jump is too far, at ${at}`);
    at += 1;
    if (code === BPF.answer) return k;
    if (code === BPF.loadWord) accumulator = data.readUInt32LE(k);
    else if (code === BPF.jumpAlways) at += k;
    else if (code === BPF.jumpEqual) at += accumulator === k ? jt : jf;
    else if (code === BPF.jumpGreaterOrEqual) at += accumulator >= k ? jt : jf;
    else if (code === BPF.jumpAnyBit) at += (accumulator & k) !== 0 ? jt : jf;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the filter does not end");
}
