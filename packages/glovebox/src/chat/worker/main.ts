/** What chat's threads run: they read one text after the other. */
import { serveReadings } from "../../syntax/index.ts";
import { readings } from "./readings.ts";

serveReadings(readings);
