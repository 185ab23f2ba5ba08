import { parse } from "yaml";
import { parseWorkflow, planWorkflow } from "../../packages/glovebox/src/ci/index.ts";
import { type Case, timeEach } from "../harness.ts";

/** Twenty jobs as repositories have them: needs, a matrix in every fourth, six steps each. */
function workflowText(): string {
  const jobs = Array.from({ length: 20 }, (_, index) => {
    const needs = index < 4 ? "" : `    needs: [job${index - 4}, job${index - 3}]\n`;
    const matrix =
      index % 4 === 0 ? "    strategy:\n      matrix:\n        node: [20, 22, 24]\n        os: [linux, mac]\n" : "";
    return (
      `  job${index}:\n    name: Job ${index}\n    runs-on: ubuntu-latest\n${needs}${matrix}    env:\n      CI: "true"\n    steps:\n` +
      `      - uses: actions/checkout@v4\n      - uses: actions/setup-node@v4\n        with:\n          node-version: 22\n          cache: npm\n` +
      `      - run: npm ci\n      - name: Test\n        if: github.ref == 'refs/heads/main' && success()\n        run: |\n          npm test -- --shard \${{ github.run_number }}\n          echo done\n` +
      `      - run: npm run lint\n        continue-on-error: true\n      - uses: actions/upload-artifact@v4\n        if: always()\n        with:\n          name: logs-\${{ github.job }}\n          path: logs\n`
    );
  });
  return `name: Big\non:\n  push:\n    branches: [main]\n  pull_request:\njobs:\n${jobs.join("")}`;
}

const planning: Case = {
  name: "ci.plan_20_jobs",
  unit: "ms",
  target: { better: "lower", p50: 5 },
  async run() {
    const text = workflowText();
    const samples = await timeEach(200, 50, async () => {
      const { workflow, problems } = parseWorkflow({ path: ".github/workflows/big.yml", text });
      if (workflow === undefined || planWorkflow(workflow).jobs.length !== 20)
        throw new Error(JSON.stringify(problems));
    });
    const floor = await timeEach(200, 50, async () => {
      parse(text);
    });
    return { samples, floor: { name: "the YAML library alone", samples: floor } };
  },
};

export const workflows: readonly Case[] = [planning];
