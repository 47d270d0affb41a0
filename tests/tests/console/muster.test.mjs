// The client against a gateway that is played here: what it sends, when it comes back, and where it goes on.

import assert from "node:assert/strict";
import test from "node:test";

import { Muster, delay_ms } from "../../../web/muster.js";

/** A gateway that remembers what it was sent, and a clock that goes when it is told to. */
function played({ random = () => 1 } = {}) {
  const sockets = [];
  let now = 0;
  let timers = [];
  class Socket {
    sent = [];
    isClosed = false;
    constructor() { sockets.push(this); }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.isClosed = true; }
    open() { this.onopen({}); }
    tell(...frames) { for (const frame of frames) this.onmessage({ data: JSON.stringify(frame) }); }
    end(code = 1006, reason = "") { this.onclose({ code, reason }); }
  }
  const clock = {
    now: () => now,
    after: (ms, then) => { const timer = { at: now + ms, then }; timers.push(timer); return timer; },
    cancel: (gone) => { timers = timers.filter((timer) => timer !== gone); },
  };
  const pass = (ms) => {
    const end = now + ms;
    for (;;) {
      const next = timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      clock.cancel(next);
      now = next.at;
      next.then();
    }
    now = end;
  };
  const muster = new Muster({ url: "ws://gateway/ws", WebSocket: Socket, clock, random });
  const states = [];
  muster.addEventListener("state", ({ state, retry_ms }) => states.push(retry_ms === undefined ? state : [state, retry_ms]));
  return { muster, sockets, states, pass, socket: () => sockets.at(-1) };
}

const message = (cursor, text = "done") => ({ message: text, task: { id: 1 }, id: `id ${cursor}`, cursor });
const event = (topic, cursor, kind = "") => ({ type: "event", topic, id: "1", kind, message: "x", attributes: {}, cursor });

test("what is subscribed to before the connection is there is asked for as soon as it is", () => {
  const { muster, socket, states } = played();
  const told = [];
  muster.subscribe({ user_id: "1" }, { message: (it) => told.push(it.message) });
  muster.monitor([2, 3]);
  assert.deepEqual(socket().sent, []);
  socket().open();
  assert.deepEqual(socket().sent, [{ type: "subscribe", user_id: "1" }, { type: "monitor", users: [2, 3] }]);
  socket().tell(message("a", "one"), message("b", "two"));
  assert.deepEqual(told, ["one", "two"]);
  assert.deepEqual(states, ["open"]);
});

test("after a break it goes on behind the last cursor of each subscription", () => {
  const { muster, socket, pass } = played();
  const inbox = muster.subscribe({ user_id: 1 }, {});
  muster.subscribe({ topic_prefix: "room/", kind: "said", after: "start" }, {});
  muster.subscribe({ topic: "other" }, {});
  socket().open();
  socket().tell({ type: "live", topic_prefix: "room/", cursor: "m" }, message("u1"), event("room/7", "t1", "said"));
  assert.equal(inbox.cursor, "u1");
  socket().end();
  pass(500);
  socket().open();
  assert.deepEqual(socket().sent, [
    { type: "subscribe", user_id: 1, after: "u1" },
    { type: "subscribe", topic_prefix: "room/", kind: "said", after: "t1" },
    { type: "subscribe", topic: "other" },
  ]);
});

test("a live and a reset are told to their subscription, and their cursors count", () => {
  const { muster, socket } = played();
  const told = [];
  const note = (what) => ({ reason }) => told.push([what, reason]);
  const room = muster.subscribe({ topic: "room/7", after: "old" }, { live: note("live"), reset: note("reset") });
  muster.subscribe({ topic: "room/8" }, { live: note("wrong"), reset: note("wrong") });
  socket().open();
  socket().tell({ type: "reset", reason: "trimmed", topic: "room/7", cursor: "r" });
  assert.equal(room.cursor, "r");
  socket().tell({ type: "live", topic: "room/7", cursor: "l" });
  assert.equal(room.cursor, "l");
  assert.deepEqual(told, [["reset", "trimmed"], ["live", undefined]]);
});

test("attempts come ever more slowly, and a good connection begins anew", () => {
  const { sockets, states, socket, pass } = played();
  const waits = () => states.filter((state) => Array.isArray(state)).map(([, ms]) => ms);
  for (const ms of [500, 1_000, 2_000]) {
    socket().end();
    assert.equal(waits().at(-1), ms);
    pass(ms - 1);
    const before = sockets.length;
    pass(1);
    assert.equal(sockets.length, before + 1);
  }
  socket().open();
  pass(5_000);
  socket().end();
  assert.equal(waits().at(-1), 500);
  // One that is refused as soon as it is open is no good connection.
  pass(500);
  socket().open();
  socket().end(1008);
  assert.equal(waits().at(-1), 1_000);
});

test("delays have jitter and a limit", () => {
  assert.equal(delay_ms(0, 0), 250);
  assert.equal(delay_ms(0, 1), 500);
  assert.equal(delay_ms(50, 1), 30_000);
  assert.equal(delay_ms(2_000, 0), 15_000);
});

test("a gateway that stops says when to come back", () => {
  const { socket, states, pass, sockets } = played();
  socket().open();
  socket().end(1012, JSON.stringify({ reconnect_ms: 1_234 }));
  assert.deepEqual(states.at(-1), ["waiting", 1_234]);
  pass(1_234);
  assert.equal(sockets.length, 2);
});

test("whoever was too slow goes on at its own cursor, or at the one that it is told", () => {
  const { muster, socket, pass } = played();
  muster.subscribe({ user_id: 1 }, {});
  muster.subscribe({ topic: "room/7" }, {});
  socket().open();
  socket().tell(event("room/7", "a"));
  socket().end(1013, JSON.stringify({ cursor: null }));
  pass(500);
  socket().open();
  assert.deepEqual(socket().sent[0], { type: "subscribe", user_id: 1 });
  socket().end(1013, JSON.stringify({ cursor: "k" }));
  pass(1_000);
  socket().open();
  assert.deepEqual(socket().sent, [
    { type: "subscribe", user_id: 1, after: "k" },
    { type: "subscribe", topic: "room/7", after: "a" },
  ]);
});

test("a connection that says nothing is asked, and given up when it does not answer", () => {
  const { socket, states, pass } = played();
  socket().open();
  const silent = socket();
  pass(25_000);
  assert.deepEqual(silent.sent, [{ type: "ping" }]);
  silent.tell({ type: "pong" });
  pass(25_000);
  assert.equal(silent.sent.length, 2);
  pass(10_000);
  assert.equal(silent.isClosed, true);
  assert.deepEqual(states.at(-1), ["waiting", 500]);
  // What comes from it after all changes nothing.
  silent.end();
  silent.tell(message("late"));
  assert.deepEqual(states.at(-1), ["waiting", 500]);
});

test("a new subscription is not told what was meant for one that has ended", () => {
  const { muster, socket } = played();
  const told = [];
  const first = muster.subscribe({ topic_prefix: "room/" }, { message: () => told.push("first") });
  socket().open();
  first.close();
  muster.subscribe({ topic: "room/7", after: "c" }, { message: ({ cursor }) => told.push(cursor) });
  assert.deepEqual(socket().sent.slice(1), [{ type: "unsubscribe", topic_prefix: "room/" }, { type: "ping" }]);
  socket().tell(event("room/7", "on its way"), { type: "pong" });
  assert.deepEqual(socket().sent.at(-1), { type: "subscribe", topic: "room/7", after: "c" });
  socket().tell(event("room/7", "d"), event("room/8", "e"));
  assert.deepEqual(told, ["d"]);
});

test("presence and refusals are told, and an unknown frame is passed over", () => {
  const { muster, socket } = played();
  const told = [];
  muster.addEventListener("presence", ({ users }) => told.push(users));
  muster.addEventListener("refusal", ({ error, field }) => told.push([error, field]));
  socket().open();
  socket().tell(
    { type: "presence", users: [{ user: "1", online: true }] },
    { type: "of a later version" },
    { type: "error", error: "no user", field: "user_id" },
  );
  assert.deepEqual(told, [[{ user: "1", online: true }], ["no user", "user_id"]]);
});

test("subscriptions that overlap are refused at once, for what comes does not say for which it is", () => {
  const { muster } = played();
  muster.subscribe({ user_id: 1 }, {});
  muster.subscribe({ topic: "room/7" }, {});
  muster.subscribe({ topic_prefix: "deployment/", kind: "scaled" }, {});
  const refused = [
    { user_id: 1 },
    { user_id: 2 },
    { topic: "room/7" },
    { topic_prefix: "room/" },
    { topic_prefix: "" },
    { topic: "deployment/7" },
    { topic_prefix: "deployment/7", kind: "scaled" },
  ];
  for (const what of refused) {
    assert.throws(() => muster.subscribe(what, {}), /overlap/, JSON.stringify(what));
  }
  for (const what of [{ topic: "room/70" }, { topic: "deployment/7", kind: "rolled.out" }, { topic_prefix: "user/1" }]) {
    muster.subscribe(what, {});
  }
});

test("what has ended may be subscribed to again", () => {
  const { muster } = played();
  const room = muster.subscribe({ topic: "room/7" }, {});
  room.close();
  room.close();
  muster.subscribe({ topic: "room/7" }, {});
});

test("what is closed stays closed", () => {
  const { muster, sockets, states, pass } = played();
  sockets[0].open();
  muster.close();
  sockets[0].end();
  pass(100_000);
  assert.equal(sockets.length, 1);
  assert.equal(states.at(-1), "closed");
});

test("whoever waits may try at once", () => {
  const { muster, sockets, pass } = played();
  sockets[0].end();
  muster.reconnect();
  assert.equal(sockets.length, 2);
  pass(500);
  assert.equal(sockets.length, 2, "and then not a second time");
});
