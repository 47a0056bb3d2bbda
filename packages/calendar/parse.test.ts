import assert from "node:assert/strict";
import { test } from "node:test";
import { localTime, NoSchedule, parseSchedule, scheduleText, type WantedSchedule } from "./parse.ts";

const NOW = Date.parse("2026-03-01T12:00Z");
const parsed = (wanted: WantedSchedule, zone = "Europe/Berlin") => parseSchedule(wanted, zone, NOW);

test("schedules are read in several ways, and shown in the way that makes them", () => {
  const cases: [WantedSchedule, string][] = [
    [{ cron: " 0  9 * * 1-5 " }, "0 9 * * 1-5"],
    [{ cron: "*/30 * * * * *" }, "*/30 * * * * *"],
    [{ cron: "0 9 L * *" }, "0 9 L * *"],
    [{ every: "15m" }, "every 15m"],
    [{ every: "every 90 s" }, "every 90s"],
    [{ every: "1h30m" }, "every 90m"],
    [{ every: "2d" }, "every 2d"],
    [{ at: "2026-03-02 08:00" }, "at 2026-03-02 08:00"],
    [{ at: "2026-03-02T08:00:30" }, "at 2026-03-02 08:00:30"],
    [{ at: "2026-03-02T08:00Z" }, "at 2026-03-02 09:00"],
    [{ at: "2026-03-02T08:00:00.000-05:00" }, "at 2026-03-02 14:00"],
  ];
  for (const [wanted, text] of cases) assert.equal(scheduleText(parsed(wanted), "Europe/Berlin"), text);
});

test("a local time in the hour that is left out is the moment of the change, in the doubled one the first", () => {
  const at = (text: string) => {
    const schedule = parsed({ at: text });
    return schedule.kind === "once" ? new Date(schedule.at).toISOString() : "";
  };
  assert.equal(at("2026-03-29 02:30"), "2026-03-29T01:00:00.000Z");
  assert.equal(at("2026-10-25 02:30"), "2026-10-25T00:30:00.000Z");
});

test("what can't be is refused with a reason and with what is right", () => {
  const cases: [WantedSchedule, RegExp][] = [
    [{}, /exactly one/],
    [{ cron: "* * * * *", every: "15m" }, /exactly one/],
    [{ cron: "* * * *" }, /4 fields/],
    [{ cron: "@daily" }, /1 fields/],
    [{ cron: "* * * * * * 2030" }, /7 fields/],
    [{ cron: "61 * * * *" }, /no cron pattern.*61/],
    [{ cron: "x * * * *" }, /no cron pattern/],
    [{ cron: "0 0 30 2 *" }, /never comes/],
    [{ cron: "* * * * * *" }, /too often/],
    [{ cron: "0,5 * * * * *" }, /too often/],
    [{ every: "9s" }, /too short/],
    [{ every: "400d" }, /too long/],
    [{ every: "soon" }, /no interval/],
    [{ every: "" }, /no interval/],
    [{ at: "2026-03-01T12:00Z" }, /has passed/],
    [{ at: "2026-02-30 10:00" }, /no time/],
    [{ at: "tomorrow" }, /no time/],
    [{ at: "2026-03-02T25:00" }, /no time/],
    [{ at: "2026-03-02T10:00+99:00" }, /no time/],
  ];
  for (const [wanted, reason] of cases) {
    assert.throws(
      () => parsed(wanted),
      (error) => error instanceof NoSchedule && reason.test(error.message) && error.hint !== "",
      JSON.stringify(wanted),
    );
  }
  assert.throws(() => parsed({ every: "15m" }, "Europe/Nowhere"), /no time zone "Europe\/Nowhere"/);
});

test("local times are shown without seconds where there are none", () => {
  assert.equal(localTime(NOW, "Asia/Kathmandu"), "2026-03-01 17:45");
  assert.equal(localTime(NOW + 7_000, "Asia/Kathmandu"), "2026-03-01 17:45:07");
});
