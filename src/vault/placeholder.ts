/** What stands for a credential inside a container: where one shows up that is not where it belongs, something leaks. */
export { nameOf, PLACEHOLDER, placeholderOf, UNFINISHED } from "../../packages/placeholders/index.ts";
