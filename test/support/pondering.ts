/** A host whose model sees everything that was said, and thinks for ever about what tells it to, until it is asked "and now". */
import { TestHost } from "./host.ts";
import { startScriptedModel } from "./model.ts";

/** @returns with each request to the model as it came, in order */
export async function ponderingHost(
  t: Parameters<typeof TestHost.start>[0],
): Promise<{ host: TestHost; asked: string[] }> {
  const asked: string[] = [];
  const model = await startScriptedModel({
    script: ({ raw }) => {
      asked.push(raw);
      return raw.lastIndexOf("think for ever") > raw.lastIndexOf("and now") ? { stall: "Well" } : { say: "I see." };
    },
  });
  t.after(() => model.close());
  const host = await TestHost.start(t);
  await host.initWithModel(model);
  return { host, asked };
}
