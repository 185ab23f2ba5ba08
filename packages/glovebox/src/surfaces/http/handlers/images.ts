import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Image, ImageEntry, ImageProgress, Images, ImageWorkOptions } from "../../../sandbox/images/index.ts";
import type { imageOperations } from "../../operations/images.ts";
import type { HandlersOf } from "../call.ts";
import { type SseFrame, sendEventStream } from "../live-stream.ts";
import { type HandlerContext, partOf } from "../options.ts";
import { limitedUpload } from "../upload.ts";

/** Of progress that a slow client has not read: what is older is left out. */
const MAX_WAITING = 1_000;

export function imageHandlers(context: HandlerContext): HandlersOf<typeof imageOperations> {
  const images = () => partOf(context, "images");
  return {
    "images.list": async () => ({ items: (await images().list()).map(shownEntry) }),
    "images.get": async ({ params }) => shownEntry(await images().show(params.name)),
    "images.build": async ({ params, body, request, reply, signal }) => {
      const room = images();
      // What is not there is told as a plain answer.
      await room.show(params.name);
      const build = body.fresh ? room.build.bind(room) : room.ensure.bind(room);
      await sendEventStream(
        request,
        reply,
        buildFrames((work) => build(params.name, work), signal),
        {
          heartbeatMs: context.settings.heartbeatMs,
          signal,
          redactor: context.redactor,
        },
      );
    },
    "images.delete": async ({ params, signal }) => await images().remove(params.name, { signal }),
    "images.export": async ({ params, reply, signal }) => {
      const folder = await temporary(context);
      const remove = () => rm(folder, { recursive: true, force: true });
      try {
        const file = join(folder, "image.tar");
        await images().exportTo(params.name, file, { signal });
        const stream = createReadStream(file);
        stream.once("close", () => void remove());
        reply
          .header("content-type", "application/x-tar")
          .header("content-length", (await stat(file)).size)
          .send(stream);
      } catch (error) {
        await remove();
        throw error;
      }
    },
    "images.import": async ({ query, request, signal }) =>
      await importUpload(context, images(), query, request, signal),
  };
}

async function importUpload(
  context: HandlerContext,
  images: Images,
  query: { readonly name?: string; readonly replace?: boolean },
  request: Parameters<typeof limitedUpload>[0],
  signal: AbortSignal,
) {
  const body = limitedUpload(request, context.settings.uploadBytes);
  const folder = await temporary(context);
  try {
    const file = join(folder, "image");
    await pipeline(Readable.from(body), createWriteStream(file, { flags: "wx", mode: 0o600 }), { signal });
    return shownImage(await images.importFrom(file, { ...query, signal }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function temporary({ tempDir }: HandlerContext): Promise<string> {
  await mkdir(tempDir, { recursive: true, mode: 0o700 });
  return mkdtemp(join(tempDir, "image-"));
}

/** Without the host's path. */
function shownImage({ name, id, languages, sizeBytes, origin, description, createdAt }: Image) {
  return { name, id, languages, sizeBytes, origin, description, createdAt };
}

function shownEntry({ image, ...entry }: ImageEntry) {
  return { ...entry, ...(image && { image: shownImage(image) }) };
}

/** The build's progress as it comes, then the image. Leaving the loop ends the build. */
async function* buildFrames(
  build: (work: ImageWorkOptions) => Promise<Image>,
  signal: AbortSignal,
): AsyncGenerator<SseFrame> {
  const left = new AbortController();
  let waiting: ImageProgress[] = [];
  let wake = () => {};
  const onProgress = (progress: ImageProgress) => {
    if (waiting.length >= MAX_WAITING) waiting.shift();
    waiting.push(progress);
    wake();
  };
  const building = build({ signal: AbortSignal.any([signal, left.signal]), onProgress });
  let over = false;
  const ended = building.then(
    () => true,
    () => true,
  );
  void ended.then(() => {
    over = true;
    wake();
  });
  try {
    while (!over || waiting.length > 0) {
      const taken = waiting;
      waiting = [];
      for (const data of taken) yield { event: "progress", data };
      if (over || waiting.length > 0) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    yield { event: "image", data: shownImage(await building) };
  } finally {
    left.abort();
    await ended;
  }
}
