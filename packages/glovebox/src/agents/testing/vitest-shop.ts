/** A repository tested by vitest. An error is thrown in line 16, which a test that passes comes to as well; the fault is in line 23. */
export const SHOP: Readonly<Record<string, string>> = {
  ".gitignore": "node_modules/\n",
  "package.json": '{ "type": "module", "scripts": { "test": "vitest run" } }',
  "src/tax.ts": `/** What is sold. */
export interface Article {
  readonly name: string;
  readonly cents: number;
}

const RATES: ReadonlyMap<string, number> = new Map([
  ["food", 7],
  ["tool", 19],
]);

/** Per cent. */
export function rate(kind: string): number {
  const found = RATES.get(kind);
  if (found === undefined) {
    throw new RangeError("no rate for " + kind);
  }
  return found;
}

function kindOf({ name }: Article): string {
  if (name.startsWith("nail")) {
    return "tools";
  }
  return "food";
}

export function tax(article: Article): number {
  return Math.round((article.cents * rate(kindOf(article))) / 100);
}
`,
  "src/tax.test.ts": `import { describe, expect, it, test } from "vitest";
import { rate, tax } from "./tax.ts";

describe("tax", () => {
  it("of food", () => expect(tax({ name: "bread", cents: 100 })).toBe(7));
  it("of tools", () => expect(tax({ name: "nails", cents: 100 })).toBe(19));
});
test("unknown kinds", () => expect(() => rate("love")).toThrow("no rate"));
`,
};

/** Of this process, without what vitest put there: another vitest begins anew. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(VITEST|VITE_|NODE_ENV|NODE_OPTIONS|NODE_V8_COVERAGE|TEST$|MODE$|DEV$|PROD$|SSR$|BASE_URL$)/.test(name),
    ),
  );
}
