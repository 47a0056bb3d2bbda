/** The practice model as a server: which path does what, and how failures are answered. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { countTokens, parseRequest, RequestError } from "./messages.ts";
import { reply } from "./reply.ts";
import { errorBody, readBody, sendJson, sendStream, toMessage } from "./wire.ts";

export function createPracticeServer(): Server {
  let served = 0;
  return createServer((request, response) => {
    served += 1;
    const unique = `${Date.now().toString(36)}${served.toString(36)}`;
    answer(request, response, unique).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else if (error instanceof RequestError) sendJson(response, error.status, errorBody(error.type, error.message));
      else sendJson(response, 500, errorBody("api_error", `The practice model failed: ${String(error)}`));
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, unique: string): Promise<void> {
  const path = request.url?.split("?")[0];
  if (path !== "/v1/messages" && path !== "/v1/messages/count_tokens") {
    throw new RequestError(404, "not_found_error", `The practice model has no ${path}.`);
  }
  if (request.method !== "POST") throw new RequestError(405, "invalid_request_error", "Method Not Allowed");
  const asked = parseRequest(await readBody(request));
  if (path.endsWith("/count_tokens")) return sendJson(response, 200, { input_tokens: countTokens(asked) });
  if (!Number.isInteger(asked.max_tokens) || asked.max_tokens < 1) {
    throw new RequestError(400, "invalid_request_error", "max_tokens: Field required");
  }
  const said = reply(asked);
  const message = toMessage(asked, said, unique);
  if (asked.stream) await sendStream(response, message, said.pace);
  else sendJson(response, 200, message);
}
