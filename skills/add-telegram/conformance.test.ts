import { channelConformance } from "../../test/support/channel/conformance.ts";
import { telegramPlatform } from "./testing/platform.ts";

channelConformance("telegram by polling", () => telegramPlatform("polling"));
channelConformance("telegram by webhook", () => telegramPlatform("webhook"));
