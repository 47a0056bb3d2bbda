/** The process of the door with names of its own: all that end in ".test" are this machine. */
import { serveDoor } from "../door-process.ts";
import { systemLookUp } from "../resolve.ts";

serveDoor(async (name) => (name.endsWith(".test") ? ["127.0.0.1"] : systemLookUp(name)));
