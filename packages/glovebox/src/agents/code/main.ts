/** What code threads run: they read one file after the other. */
import { serveReadings } from "../../syntax/index.ts";
import { calls } from "./calls.ts";

serveReadings(calls);
