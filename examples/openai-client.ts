/** The official OpenAI client, unchanged, with an assistant as its model. */
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.env.GLOVEBOX_URL}/v1`, apiKey: process.env.GLOVEBOX_TOKEN });
const completion = await client.chat.completions.create({
  model: "demo",
  messages: [{ role: "user", content: "Compute a factorial, please." }],
});
console.log(completion.choices[0]?.message.content); // the answer, and below it 3628800
