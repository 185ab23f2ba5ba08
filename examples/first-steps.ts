import { Glovebox } from "@glovebox/sdk";

const box = await Glovebox.connect(); // GLOVEBOX_URL and GLOVEBOX_TOKEN
await using session = await box.sessions.create({ template: "python" });
await session.run("import math");
const { execution } = await session.run("math.factorial(10)");
console.log(execution.result?.json); // 3628800
for await (const event of session.stream("for i in range(3): print(i)")) console.log(event.seq, event.type);
