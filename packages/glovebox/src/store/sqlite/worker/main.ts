/** The writer's thread: takes all messages that wait, commits them together, answers, and only then looks again. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { FromWriter, ToWriter, WriteRequest } from "./messages.ts";
import { Writer } from "./writer.ts";

if (parentPort === null) throw new Error("this file is the writer's thread and runs in a worker only");
const port = parentPort;
const writer = new Writer(workerData as { mainFile: string; eventsFolder: string });

function send(message: FromWriter): void {
  port.postMessage(message);
}

port.on("message", (first: ToWriter) => {
  let requests: WriteRequest[] = [];
  let ending = false;
  let next: { message: ToWriter } | undefined = { message: first };
  while (next !== undefined) {
    const { message } = next;
    if (message.type === "end") ending = true;
    else requests = requests.length === 0 ? [...message.requests] : [...requests, ...message.requests];
    next = receiveMessageOnPort(port) as { message: ToWriter } | undefined;
  }
  if (requests.length > 0) send({ type: "replies", replies: writer.process(requests) });
  if (!ending) writer.rest();
  else {
    writer.close();
    send({ type: "ended" });
    port.close();
  }
});

send({ type: "ready" });
