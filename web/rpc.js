/**
 * The unary calls of all services, as the Connect protocol's JSON, through the gateway.
 *
 * @example
 * const { tasks } = await call("muster.tasks.v1.TasksService/ListTasks", { pageSize: 10 });
 */

const DEADLINE_MS = 10_000;

/** What a call was answered instead of a message. */
export class RpcError extends Error {
  /**
   * @param {string} code one of Connect's: `not_found`, `unavailable`, …
   * @param {string} message what was wrong
   */
  constructor(code, message) {
    super(message);
    this.name = "RpcError";
    /** @type {string} */
    this.code = code;
  }
}

/**
 * Calls a method.
 *
 * @param {string} method `package.Service/Method`
 * @param {object} request in protobuf's JSON: names in camel case, 64 bit numbers as strings
 * @param {{ fetch?: typeof fetch, deadline_ms?: number }} [options]
 * @returns {Promise<object>} the answer, in the same form
 * @throws {RpcError} `unavailable` when the gateway cannot be reached, `deadline_exceeded` when it does not answer
 */
export async function call(method, request = {}, { fetch = globalThis.fetch, deadline_ms = DEADLINE_MS } = {}) {
  const answer = await asked(() => fetch(`/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-protocol-version": "1" },
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(deadline_ms),
  }));
  if (!answer.ok) throw await refusal(answer);
  return asked(() => answer.json());
}

/**
 * Reads a JSON document of the gateway, such as `/services`.
 *
 * @param {string} path
 * @returns {Promise<object>}
 * @throws {RpcError} as {@link call} does
 */
export async function read(path, { fetch = globalThis.fetch, deadline_ms = DEADLINE_MS } = {}) {
  const answer = await asked(() => fetch(path, { signal: AbortSignal.timeout(deadline_ms) }));
  if (!answer.ok) throw await refusal(answer);
  return asked(() => answer.json());
}

/** Turns what a browser throws into an error that can be shown. */
async function asked(ask) {
  try {
    return await ask();
  } catch (cause) {
    if (cause?.name === "TimeoutError") throw new RpcError("deadline_exceeded", "the gateway did not answer in time");
    throw new RpcError("unavailable", "the gateway cannot be reached");
  }
}

async function refusal(answer) {
  try {
    const { code, message, error } = await answer.json();
    return new RpcError(code ?? "unknown", message ?? error ?? `the gateway answered ${answer.status}`);
  } catch {
    return new RpcError("unknown", `the gateway answered ${answer.status}`);
  }
}
