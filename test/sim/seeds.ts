/** Seeds that once broke a promise, with the fault in the host that they found. They are played first, every time. */
export const ONCE_FAILED: Record<string, string> = {
  "17": "a session with endless work kept its slot while others waited",
  "22": "after a full disk a turn was judged before what its runner had committed was taken",
  "38": "a stop waited for ever for an engine that was down",
  "73": "a message that came while a container was being stopped was begun in it, and cut off",
  "85": "a retry could not be stored: its pause was a fraction of a millisecond",
  "153": "a turn that hung in a container found after a restart had no time limit",
  "202": "an engine that was down when a container was to be ended ended the host",
  "205": "a container whose start was not heard of was never found again",
  "449": "a full disk at the terminal counted as a lost answer, and the answer was never shown",
  "836": "with the engine down at the start, containers were started beside those that still ran",
  "6429": "a container could not be adopted because of a full disk, and was stuck",
};
