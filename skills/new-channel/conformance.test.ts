import { channelConformance } from "../../test/support/channel/conformance.ts";
import { loopbackPlatform } from "./testing/platform.ts";

channelConformance("newchannel", loopbackPlatform);
