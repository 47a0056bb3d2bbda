import { channelConformance } from "../../test/support/channel/conformance.ts";
import { slackPlatform } from "./testing/platform.ts";

channelConformance("slack by socket mode", () => slackPlatform("socket"));
channelConformance("slack by webhook", () => slackPlatform("webhook"));
