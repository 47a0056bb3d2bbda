/** The agent's image. Its own script knows when there is nothing to do. */
import { join } from "node:path";
import { Misuse } from "../../src/lib/errors.ts";
import { which } from "../engine/facts.ts";
import { distribution, installPackages } from "../packages.ts";
import { lastWords } from "../shell.ts";
import type { Step } from "../step.ts";

export const image: Step = {
  name: "image",
  todo: async () => "checking the agent's image",
  async run(context, report) {
    const { shell, paths } = context;
    if (distribution().includes("debian") && !(await which(shell, "mmdebstrap"))) {
      report.activity("installing mmdebstrap, which makes the image's base system");
      await installPackages(context, ["mmdebstrap"], report);
    }
    const built = await shell.run(["bash", join(paths.root, "container/build.sh"), paths.installation], {
      cwd: paths.root,
      onLine: report.activity,
    });
    if (built.code === 0)
      return (
        built.stdout
          .trim()
          .split("\n")
          .at(-1)
          ?.replace(/^image: /, "") ?? "ready"
      );
    const next = /^\s*next: (.*)$/m.exec(built.stderr)?.[1] ?? "";
    throw new Misuse(/FAILED: (.*)/.exec(built.stderr)?.[1] ?? lastWords(built), next);
  },
};
