import { type Authorizer, type Decision, type Principal, ROLE_ORDER, type Role } from "../core/index.ts";

/** What an operation demands of its caller. */
export interface RoleRule {
  readonly minimumRole: Role | "public";
  readonly rootOnly?: boolean;
}

/** Decides by each operation's declared minimum role. An operation that is not declared is denied. */
export function createRoleAuthorizer(rules: Readonly<Record<string, RoleRule>>): Authorizer {
  const table = new Map(Object.entries(rules));
  return {
    check(principal: Principal, action: string): Decision {
      const rule = table.get(action);
      if (rule === undefined) return { allowed: false, reasons: [`no rule for ${action}`] };
      if (rule.minimumRole === "public") return { allowed: true, reasons: ["public"] };
      if (rule.rootOnly === true && !principal.root) {
        return { allowed: false, reasons: [`${action} concerns every tenant and needs the root token`] };
      }
      const needed = ROLE_ORDER.indexOf(rule.minimumRole);
      const role = principal.roles.find((own) => ROLE_ORDER.indexOf(own) >= needed);
      return role === undefined
        ? { allowed: false, reasons: [`${action} needs the role ${rule.minimumRole} or a stronger one`] }
        : { allowed: true, reasons: [`role ${role}`] };
    },
  };
}
