import { ALLOW, type Condition, ERRNO, REFUSE, type Rule, type Verdict } from "./rule.ts";

/** `<sched.h>`: every `CLONE_NEW…` that clone(2) takes. */
const CLONE_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
/** Typing into a terminal on its reader's behalf, console games, and line disciplines (which load modules). */
const HOSTILE_IOCTLS = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c, TIOCSETD: 0x5423 };
const AF = { unix: 1, inet: 2, inet6: 10, netlink: 16 };
const NETLINK_ROUTE = 0;
/** 0 is the family's default; ICMP is for unprivileged `ping`. Others make the kernel load modules. */
const IP_PROTOCOLS = { default: 0, icmp: 1, tcp: 6, udp: 17, icmpv6: 58 };
/** `<sys/stat.h>`: the bit of a mode that device nodes have, and FIFOs, sockets and files have not. */
const S_IFCHR = 0x2000;
const PERSONALITIES = { linux: 0, query: 0xffffffff };

/** The agent is the first process. It has the code's own uid, so nothing else keeps its limits and priority safe. */
const AGENT_PID = 1;
const PRIO_USER = 2;
const IOPRIO_WHO_USER = 3;

/** `<sys/prctl.h>` */
const PR_SET_DUMPABLE = 4;

const NO_FAMILY: Verdict = { kind: "errno", errno: ERRNO.EAFNOSUPPORT };
const NO_PROTOCOL: Verdict = { kind: "errno", errno: ERRNO.EPROTONOSUPPORT };

const equals = (argument: Condition["argument"], value: number): Condition => ({ argument, test: "equals", value });
const allowWhen = (...when: Condition[]) => ({ when, verdict: ALLOW });

const refuseWhen = (...when: Condition[]) => ({ when, verdict: REFUSE });
const notOfAgent: Rule = { kind: "cases", cases: [refuseWhen(equals(0, AGENT_PID))], otherwise: ALLOW };

/** Calls that are allowed with some arguments only. */
export const CHECKED_CALLS: Readonly<Record<string, Rule>> = {
  clone: {
    kind: "cases",
    cases: [{ when: [{ argument: 0, test: "any-bit", value: CLONE_NAMESPACES }], verdict: REFUSE }],
    otherwise: ALLOW,
  },
  ioctl: {
    kind: "cases",
    cases: Object.values(HOSTILE_IOCTLS).map((request) => ({ when: [equals(1, request)], verdict: REFUSE })),
    otherwise: ALLOW,
  },
  personality: {
    kind: "cases",
    cases: Object.values(PERSONALITIES).map((persona) => allowWhen(equals(0, persona))),
    otherwise: REFUSE,
  },
  // Linux asks for a right; gVisor's kernel makes them for everybody (they lead nowhere there, either).
  mknod: { kind: "cases", cases: [refuseWhen({ argument: 1, test: "any-bit", value: S_IFCHR })], otherwise: ALLOW },
  mknodat: { kind: "cases", cases: [refuseWhen({ argument: 2, test: "any-bit", value: S_IFCHR })], otherwise: ALLOW },
  prlimit64: notOfAgent,
  sched_setattr: notOfAgent,
  sched_setparam: notOfAgent,
  sched_setscheduler: notOfAgent,
  setpriority: {
    kind: "cases",
    cases: [refuseWhen(equals(1, AGENT_PID)), refuseWhen(equals(0, PRIO_USER))],
    otherwise: ALLOW,
  },
  ioprio_set: {
    kind: "cases",
    cases: [refuseWhen(equals(1, AGENT_PID)), refuseWhen(equals(0, IOPRIO_WHO_USER))],
    otherwise: ALLOW,
  },
  socket: {
    kind: "cases",
    cases: [
      allowWhen(equals(0, AF.unix)),
      ...[AF.inet, AF.inet6].flatMap((family) => [
        ...Object.values(IP_PROTOCOLS).map((protocol) => allowWhen(equals(0, family), equals(2, protocol))),
        { when: [equals(0, family)], verdict: NO_PROTOCOL },
      ]),
      allowWhen(equals(0, AF.netlink), equals(2, NETLINK_ROUTE)),
    ],
    otherwise: NO_FAMILY,
  },
  socketpair: { kind: "cases", cases: [allowWhen(equals(0, AF.unix))], otherwise: NO_FAMILY },
};

/** For user code alone: the agent and its own work are undumpable by intent. */
export const USER_CHECKED_CALLS: Readonly<Record<string, Rule>> = {
  // Files that an undumpable process holds open cannot be seen by the disk's watchdog.
  prctl: {
    kind: "cases",
    cases: [refuseWhen(equals(0, PR_SET_DUMPABLE), equals(1, 0))],
    otherwise: ALLOW,
  },
};
