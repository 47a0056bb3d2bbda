import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError, Retryable } from "../../src/lib/errors.ts";
import { engineSocket } from "./connection.ts";
import { explain } from "./explain.ts";

const spec = { name: "nanoclaw-1-s", image: "agent:1", runtime: "kata" };
/** Status, the engine's own words, then what a person is told and what to do. */
const refusals: [number, string, RegExp, RegExp][] = [
  [404, "No such image: agent:1", /agent:1 is not on this machine/, /container\/build\.sh/],
  [
    404,
    "image with reference agent:1 was found but does not match the specified platform: wanted linux/amd64, actual: linux/arm64/v8",
    /agent:1 is for another kind of machine \(linux\/arm64\/v8\)/,
    /container\/build\.sh/,
  ],
  [400, "Unknown runtime specified kata", /no runtime kata/, /It has: runc, runsc/],
  [500, "unknown or invalid runtime name: kata", /no runtime kata/, /daemon\.json/],
  [500, "write /var/lib/docker/x: no space left on device", /disk .* is full/, /docker system df/],
  [409, 'Conflict. The container name "/nanoclaw-1-s" is already in use', /nanoclaw-1-s/, /docker rm -f nanoclaw-1-s/],
  [500, 'exec: "docker-init": executable file not found in $PATH', /init program/, /tini/],
  [400, 'invalid mount config for type "bind": bind source path does not exist: /x', /mount was refused/, /anew/],
  [500, "decoding seccomp profile failed", /seccomp profile/, /20\.10/],
  [500, "something else", /something else/, /docker info/],
  [500, "", /status 500/, /docker info/],
];

for (const [status, message, told, hint] of refusals) {
  test(`"${message}" is told with a next step`, () => {
    const error = explain({ status, message }, spec, ["runc", "runsc"]);
    assert.ok(error instanceof EngineError);
    assert.match(error.message, told);
    assert.match(error.hint, hint);
  });
}

test("an engine that is starting up may be asked again", () => {
  assert.ok(explain({ status: 503, message: "starting" }, spec, null) instanceof Retryable);
});

test("the engine's socket is the system's, or the one in DOCKER_HOST", () => {
  assert.equal(engineSocket({}), "/var/run/docker.sock");
  assert.equal(engineSocket({ DOCKER_HOST: "unix:///run/user/5/docker.sock" }), "/run/user/5/docker.sock");
  for (const DOCKER_HOST of ["tcp://127.0.0.1:2375", "ssh://me@there"]) {
    assert.throws(() => engineSocket({ DOCKER_HOST }), { name: "EngineError", hint: /unset DOCKER_HOST/ });
  }
});
