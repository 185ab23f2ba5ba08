import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ALLOWED_CALLS, HOSTILE_CALLS } from "./allowed-calls.ts";
import { ARCHITECTURES } from "./architecture.ts";
import { BPF, BpfBuilder } from "./bpf.ts";
import { CHECKED_CALLS, USER_CHECKED_CALLS } from "./checked-calls.ts";
import { compileFilter } from "./compile-filter.ts";
import { filterBytes } from "./filter-file.ts";
import { runFilter } from "./interpreter.ts";
import { PROFILES, type ProfileName } from "./profiles.ts";
import type { Rule } from "./rule.ts";

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (number: number) => 0x00050000 | number;
const EPERM = errno(1);
const ENOSYS = errno(38);

/** What a rule means, said a second time and more simply than by BPF. */
function expected(rule: Rule, args: readonly number[]): number {
  if (rule.kind === "cases") {
    const holds = ({ argument, test: kind, value }: { argument: number; test: string; value: number }) => {
      const low = (args[argument] ?? 0) >>> 0;
      return kind === "equals" ? low === value >>> 0 : (low & value) !== 0;
    };
    const hit = rule.cases.find(({ when }) => when.every(holds));
    return expected(hit ? hit.verdict : rule.otherwise, args);
  }
  if (rule.kind === "errno") return errno(rule.errno);
  return rule.kind === "allow" ? ALLOW : KILL;
}

for (const [arch, architecture] of Object.entries(ARCHITECTURES)) {
  for (const name of Object.keys(PROFILES) as ProfileName[]) {
    const profile = PROFILES[name];
    const program = compileFilter(profile, architecture);
    const verdict = (number: number, args: readonly (number | bigint)[] = []) =>
      runFilter(program, { number, architecture: architecture.audit, arguments: args });

    describe(`the ${name} filter on ${arch}`, () => {
      test("gives every call of the table the verdict of its rule", () => {
        for (const [call, number] of Object.entries(architecture.syscalls)) {
          expect(verdict(number), call).toBe(expected(profile.rules.get(call) ?? profile.otherwise, []));
        }
      });

      test("checks arguments as the rules say, whatever the upper half holds", () => {
        const interesting = fc.constantFrom(
          0,
          1,
          2,
          4,
          6,
          10,
          16,
          17,
          132,
          0x5412,
          0x541c,
          0x5423,
          0x10000000,
          0xffffffff,
        );
        const argument = fc.oneof(interesting, fc.nat(0xffffffff));
        fc.assert(
          fc.property(
            fc.constantFrom(...Object.keys({ ...CHECKED_CALLS, ...USER_CHECKED_CALLS })),
            fc.tuple(argument, argument, argument),
            fc.nat(0xffffffff),
            (call, args, upper) => {
              const number = architecture.syscalls[call];
              if (number === undefined) return;
              const wide = args.map((value) => (BigInt(upper) << 32n) | BigInt(value));
              expect(verdict(number, wide)).toBe(expected(profile.rules.get(call) ?? profile.otherwise, args));
            },
          ),
        );
      });

      test("answers ENOSYS to numbers that no table has, x32 among them", () => {
        const known = new Set(Object.values(architecture.syscalls));
        fc.assert(
          fc.property(fc.nat(0xffffffff), (number) => {
            if (!known.has(number)) expect(verdict(number)).toBe(ENOSYS);
          }),
        );
        expect(verdict(0x40000000 + (architecture.syscalls.read ?? 0))).toBe(ENOSYS);
      });

      test("kills a caller of any other architecture", () => {
        const audits = [0x40000003, 0x40000028, 0, ...Object.values(ARCHITECTURES).map((other) => other.audit)];
        for (const audit of audits.filter((other) => other !== architecture.audit)) {
          expect(runFilter(program, { number: 0, architecture: audit })).toBe(KILL);
        }
      });

      test("is within what the kernel takes", () => {
        expect(program.length).toBeLessThan(4096);
        expect(filterBytes(name, arch).length).toBe(program.length * 8);
      });
    });
  }
}

describe("the profiles", () => {
  const known = new Set(Object.values(ARCHITECTURES).flatMap(({ syscalls }) => Object.keys(syscalls)));
  const user = PROFILES.user;
  const ruleOf = (call: string, args: number[] = []) => expected(user.rules.get(call) ?? user.otherwise, args);

  test("name only calls that exist", () => {
    const named = [...Object.values(ALLOWED_CALLS), HOSTILE_CALLS].flatMap((names) => names.split(" "));
    expect(
      [...named, ...Object.keys({ ...CHECKED_CALLS, ...USER_CHECKED_CALLS })].filter((name) => !known.has(name)),
    ).toEqual([]);
  });

  test("refuse what escapes are made of", () => {
    const refused =
      "mount umount2 pivot_root chroot unshare setns ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp " +
      "io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key perf_event_open userfaultfd " +
      "open_by_handle_at name_to_handle_at fsopen fsmount move_mount open_tree mount_setattr fanotify_init quotactl " +
      "sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex syslog sched_setaffinity io_setup";
    for (const call of refused.split(" ")) expect(ruleOf(call), call).toBe(EPERM);
    for (const call of HOSTILE_CALLS.split(" ")) expect(ruleOf(call), call).toBe(KILL);
    expect(ruleOf("clone3")).toBe(ENOSYS);
  });

  test("let no namespace be made, no terminal be typed into, and few socket families be opened", () => {
    for (let bit = 0; bit < 32; bit += 1) {
      const flag = (1 << bit) >>> 0;
      const isNamespace = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000].includes(flag);
      expect(ruleOf("clone", [flag | 17])).toBe(isNamespace ? EPERM : ALLOW);
    }
    expect([0x5412, 0x541c, 0x5401].map((request) => ruleOf("ioctl", [0, request]))).toEqual([EPERM, EPERM, ALLOW]);
    const families = Array.from({ length: 50 }, (_, family) => family);
    expect(families.filter((family) => ruleOf("socket", [family, 1, 0]) === ALLOW)).toEqual([1, 2, 10, 16]);
    expect(ruleOf("socket", [2, 3, 255])).toBe(errno(93));
    expect(ruleOf("socket", [16, 3, 9])).toBe(errno(97));
  });

  test("keep the agent's limits and priority out of the code's reach", () => {
    for (const call of ["prlimit64", "sched_setscheduler", "sched_setparam", "sched_setattr"]) {
      expect(
        [0, 1, 77].map((pid) => ruleOf(call, [pid])),
        call,
      ).toEqual([ALLOW, EPERM, ALLOW]);
    }
    expect([0, 1].map((pid) => ruleOf("setpriority", [0, pid]))).toEqual([ALLOW, EPERM]);
    expect([ruleOf("setpriority", [2, 0]), ruleOf("ioprio_set", [3, 0]), ruleOf("ioprio_set", [1, 1])]).toEqual([
      EPERM,
      EPERM,
      EPERM,
    ]);
  });

  test("keep user code from hiding what it holds open, and let the agent hide", () => {
    const verdicts = (name: ProfileName) => {
      const { rules, otherwise } = PROFILES[name];
      const calls = [
        [4, 0],
        [4, 1],
        [15, 0],
      ];
      return calls.map((args) => expected(rules.get("prctl") ?? otherwise, args));
    };
    expect(verdicts("user")).toEqual([EPERM, ALLOW, ALLOW]);
    expect(verdicts("user-uncounted")).toEqual([EPERM, ALLOW, ALLOW]);
    expect(verdicts("agent")).toEqual([ALLOW, ALLOW, ALLOW]);
  });

  test("differ as they should: the agent's kills nothing, the uncounted one gives no hidden memory", () => {
    const { agent, "user-uncounted": uncounted } = PROFILES;
    for (const call of HOSTILE_CALLS.split(" "))
      expect(expected(agent.rules.get(call) ?? agent.otherwise, [])).toBe(EPERM);
    expect(expected(uncounted.rules.get("memfd_create") ?? uncounted.otherwise, [])).toBe(EPERM);
    expect(ruleOf("memfd_create")).toBe(ALLOW);
  });

  test("exist for the architectures that we have tables of, and no other", () => {
    expect(() => filterBytes("user", "ia32")).toThrow(/no system call table/);
  });
});

test("a jump that is too far for eight bits goes by way of another", () => {
  const builder = new BpfBuilder();
  const far = builder.prepend(BPF.answer, 1);
  for (let i = 0; i < 600; i += 1) builder.prepend(BPF.answer, 99);
  const near = builder.prepend(BPF.answer, 2);
  builder.branch(BPF.jumpEqual, 7, far, near);
  builder.prepend(BPF.loadWord, 0);
  const program = builder.finish();
  expect(runFilter(program, { number: 7, architecture: 0 })).toBe(1);
  expect(runFilter(program, { number: 8, architecture: 0 })).toBe(2);
});
