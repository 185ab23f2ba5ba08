/** What CI's threads run: they read one file after the other. */
import { serveReadings } from "../../../syntax/index.ts";
import { readings } from "./readings.ts";

serveReadings(readings);
