// Calls the gateway at the address given first as a page does, with the descriptors in the file given second.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { createFileRegistry, fromBinary } = require("@bufbuild/protobuf");
const { FileDescriptorSetSchema, timestampDate } = require("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = require("@connectrpc/connect");
const { createConnectTransport, createGrpcWebTransport } = require("@connectrpc/connect-web");

const [baseUrl, descriptors] = process.argv.slice(2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const service = (name) => registry.getService(name) ?? assert.fail(`no service ${name}`);

/** The error that a call ends with. */
async function failure(call) {
  try {
    await call;
  } catch (error) {
    assert(error instanceof ConnectError, String(error));
    return error;
  }
  assert.fail("the call went well");
}

async function unary(transport) {
  const tasks = createClient(service("muster.tasks.v1.TasksService"), transport);
  const { task } = await tasks.createTask({ userId: 7n, content: "größer" });
  assert.equal(task.userId, 7n);
  assert.equal(task.content, "größer");
  assert(Math.abs(timestampDate(task.createdAt).getTime() - Date.now()) < 60_000);
  assert.equal((await tasks.getTask({ id: task.id })).task.etag, task.etag);

  const missing = await failure(tasks.getTask({ id: 999_999n }));
  assert.equal(missing.code, Code.NotFound);
  assert.notEqual(missing.rawMessage, "");
  const refused = await failure(tasks.createTask({ userId: 7n }));
  assert.equal(refused.code, Code.InvalidArgument);
  assert.deepEqual(refused.details.map(({ type }) => type), ["google.rpc.BadRequest"]);
  const users = createClient(service("muster.users.v1.UsersService"), transport);
  const away = await failure(users.createUser({ email: "test" }, { timeoutMs: 500 }));
  assert([Code.Unavailable, Code.DeadlineExceeded].includes(away.code), String(away));
  const closed = await failure(users.getUser({ id: 1n }));
  assert.equal(closed.code, Code.Unimplemented);
}

async function stream(transport) {
  const activity = createClient(service("muster.activity.v1.ActivityService"), transport);
  const append = (id) => activity.append({ events: [{ topic: "room/7", id, message: `m${id}` }] });
  await append("1");
  const [heard, end] = [[], new AbortController()];
  const filter = { topics: { case: "topic", value: "room/7" } };
  for await (const { message } of activity.tail({ filter, follow: true }, { signal: end.signal })) {
    if (message.case === "live") await append("2");
    if (message.case === "batch") heard.push(...message.value.events.map((event) => event.message));
    if (heard.length === 2) break;
  }
  end.abort();
  assert.deepEqual(heard, ["m1", "m2"]);
}

async function main() {
  await unary(createConnectTransport({ baseUrl }));
  console.log("connect json");
  await unary(createConnectTransport({ baseUrl, useBinaryFormat: true }));
  console.log("connect proto");
  const web = createGrpcWebTransport({ baseUrl });
  await unary(web);
  await stream(web);
  console.log("grpc-web");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
