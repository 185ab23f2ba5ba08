import { expect, test } from "vitest";
import { useServer } from "../support/flow.ts";

const stage = useServer();

test("a plot comes out of Python as an image, shown or left as the last figure", async ({ skip }) => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const probe = await session.run("import importlib.util\nimportlib.util.find_spec('matplotlib') is not None");
  if (probe.value?.json !== true) skip("matplotlib is not installed");
  const shown = await session.run("import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()");
  const left = await session.run("_ = plt.plot([3, 1, 2])");
  for (const { displays } of [shown, left]) {
    expect(displays).toHaveLength(1);
    const png = Buffer.from(displays[0]?.mime["image/png"] ?? "", "base64");
    expect(png.subarray(1, 4).toString()).toBe("PNG");
  }
});
