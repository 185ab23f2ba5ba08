import { makeBubblewrapSubject } from "./bubblewrap-subject.ts";
import { driverConformance } from "./suite.ts";

driverConformance("bubblewrap", async () => makeBubblewrapSubject());
driverConformance("bubblewrap with supervisors waiting", async () => {
  const subject = makeBubblewrapSubject({ waiting: 2 });
  // What waits is not left over: it belongs to the driver, and its number varies while it is refilled.
  const leftovers = async () => (await subject.leftovers()).filter((line) => !/waiting-|supervisor|cgroup /.test(line));
  return { ...subject, leftovers };
});
