/**
 * A client of muster's live edge: one WebSocket that comes back by itself, and goes on where it was.
 *
 * After a break each subscription begins behind the last cursor that it has seen, so nothing is missed and nothing
 * comes twice. A subscription that has no cursor yet (it was opened without `after`, and nothing has come) begins with
 * what comes from then on.
 *
 * @example
 * const muster = new Muster();
 * muster.addEventListener("state", ({ state }) => console.log(state));
 * const inbox = muster.subscribe({ user_id: 1 }, { message: (it) => console.log(it.message, it.cursor) });
 * muster.addEventListener("presence", ({ users }) => console.log(users));
 * muster.monitor([2, 3]);
 * inbox.close();
 * muster.close();
 *
 * The protocol itself: docs/live-protocol.md.
 */

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** A connection that lasted so long was a good one: the next break begins with a short delay again. */
const STABLE_MS = 5_000;
/** After so long a silence the other end is asked whether it is still there. */
const SILENCE_MS = 25_000;
const PONG_MS = 10_000;
const CLOSE_RESTART = 1012;
const CLOSE_TOO_SLOW = 1013;

/**
 * How long to wait before the next attempt: from half of 0.5 s, twice as long each time, up to 30 s.
 *
 * @param {number} attempt how many have failed since the last good connection, from 0
 * @param {number} random from 0 to 1, so that not all clients come back at the same moment
 */
export function delay_ms(attempt, random) {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return Math.round(longest / 2 + (longest / 2) * random);
}

/** The connection's state has changed: `state` is `connecting`, `open`, `waiting` or `closed`. */
export class StateEvent extends Event {
  constructor(state, retry_ms) {
    super("state");
    this.state = state;
    /** While waiting: how long until the next attempt. */
    this.retry_ms = retry_ms;
  }
}

/** Monitored users: all of them first, then those who changed, as `{ user: "1", online: true }`. */
export class PresenceEvent extends Event {
  constructor(users) {
    super("presence");
    this.users = users;
  }
}

/** The gateway refused something that it was asked for: `error` says what, `field` where. */
export class RefusalEvent extends Event {
  constructor({ error, field }) {
    super("refusal");
    this.error = error;
    this.field = field;
  }
}

/** What is told of one user, one topic, or all topics that begin alike. */
class Subscription {
  #handlers;
  #close;
  /** Behind what it goes on after a break; undefined while it has none. */
  cursor;
  /** Whether this connection's gateway knows of it. */
  isSent = false;

  constructor(what, handlers, close) {
    const { after, ...rest } = what;
    this.what = rest;
    this.cursor = after;
    this.#handlers = handlers;
    this.#close = close;
  }

  /** Ends it. */
  close() { this.#close(this); }

  get key() { return keyOf(this.what); }

  get request() {
    const from = this.cursor === undefined ? {} : { after: this.cursor };
    return { type: "subscribe", ...this.what, ...from };
  }

  covers(event) {
    const { topic, topic_prefix, kind } = this.what;
    const inTopic = topic === event.topic || (topic_prefix !== undefined && event.topic.startsWith(topic_prefix));
    return inTopic && (!kind || kind === event.kind);
  }

  take(what, frame) {
    if (frame.cursor !== undefined) this.cursor = frame.cursor;
    this.#handlers[what]?.(frame);
  }
}

/** Names a subscription, in a request and in a `live` or `reset` alike. There is one user at a time. */
function keyOf({ user_id, topic, topic_prefix, kind = "" }) {
  return user_id !== undefined ? "user" : JSON.stringify([topic ?? null, topic_prefix ?? null, kind]);
}

/** Whether something may happen that belongs to both. */
function overlap(one, other) {
  if (one.user_id !== undefined || other.user_id !== undefined) {
    return one.user_id !== undefined && other.user_id !== undefined;
  }
  if (one.kind && other.kind && one.kind !== other.kind) return false;
  const [begin, other_begin] = [one, other].map(({ topic, topic_prefix }) => topic ?? topic_prefix);
  if (one.topic !== undefined && other.topic !== undefined) return begin === other_begin;
  if (one.topic !== undefined) return begin.startsWith(other_begin);
  if (other.topic !== undefined) return other_begin.startsWith(begin);
  return begin.startsWith(other_begin) || other_begin.startsWith(begin);
}

/** The clock of the browser. */
const CLOCK = {
  now: () => Date.now(),
  after: (ms, then) => setTimeout(then, ms),
  cancel: (timer) => clearTimeout(timer),
};

/** The live edge of the page's own origin. */
function ownUrl() {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`;
}

/**
 * One connection. Tells `state`, `presence` and `refusal` as events.
 */
export class Muster extends EventTarget {
  #options;
  #socket;
  #state = "closed";
  #subscriptions = new Map();
  #monitored = [];
  #attempt = 0;
  #openedAt;
  #timer;
  #watchdog;
  /** How many pongs are still to come. */
  #pings = 0;

  /**
   * @param {object} [options]
   * @param {string} [options.url] `ws://host/ws`; by default the page's own origin
   * @param {typeof WebSocket} [options.WebSocket] for where there is none by that name
   * @param {typeof CLOCK} [options.clock]
   * @param {() => number} [options.random]
   */
  constructor({ url, WebSocket = globalThis.WebSocket, clock = CLOCK, random = Math.random } = {}) {
    super();
    this.#options = { url: url ?? ownUrl(), WebSocket, clock, random };
    this.#connect();
  }

  /** `connecting`, `open`, `waiting` or `closed`. */
  get state() { return this.#state; }

  /**
   * Begins to tell what happens.
   *
   * @param {object} what one of `user_id`, `topic` and `topic_prefix`; for topics also `kind`; and `after`, the cursor
   *   behind which to begin ("" is the beginning of all that is kept)
   * @param {object} handlers each is given the frame:
   *   `message` something happened (to a user: `{ message, cursor, … }`; in a topic: `{ topic, id, kind, message,
   *   attributes, received_at, cursor }`), `live` all that there was behind `after` has been told, `reset` some of
   *   that is not to be had any more
   * @returns {Subscription} with its `cursor` and `close()`
   * @throws {Error} where it overlaps with another subscription (a second user does): what comes does not say for which
   *   of them it is
   */
  subscribe(what, handlers) {
    const subscription = new Subscription(what, handlers, (it) => this.#unsubscribe(it));
    for (const other of this.#subscriptions.values()) {
      if (overlap(subscription.what, other.what)) throw new Error(`subscriptions overlap: ${subscription.key}, ${other.key}`);
    }
    this.#subscriptions.set(subscription.key, subscription);
    this.#sendSubscriptions();
    return subscription;
  }

  /** Tells from now on whether these users are online, and nobody else. */
  monitor(users) {
    this.#monitored = [...users];
    this.#send({ type: "monitor", users: this.#monitored });
  }

  /** Tries at once to connect again, if it waits to do so. */
  reconnect() {
    if (this.#state === "waiting") this.#connect();
  }

  /** Ends all. */
  close() {
    this.#drop();
    this.#become("closed");
  }

  #connect() {
    this.#drop();
    const { url, WebSocket } = this.#options;
    const socket = new WebSocket(url);
    this.#socket = socket;
    // What comes from a connection that was given up is passed over.
    const ours = (then) => (event) => { if (this.#socket === socket) then(event); };
    socket.onopen = ours(() => this.#opened());
    socket.onmessage = ours(({ data }) => this.#receive(JSON.parse(data)));
    socket.onclose = ours(({ code, reason }) => this.#broken(code, reason));
    this.#become("connecting");
  }

  #opened() {
    this.#openedAt = this.#options.clock.now();
    this.#become("open");
    this.#listen();
    this.#sendSubscriptions();
    if (this.#monitored.length > 0) this.monitor(this.#monitored);
  }

  #broken(code, reason) {
    const told = parsed(reason);
    const lasted_ms = this.#openedAt === undefined ? 0 : this.#options.clock.now() - this.#openedAt;
    if (lasted_ms >= STABLE_MS) this.#attempt = 0;
    if (code === CLOSE_TOO_SLOW) this.#resumeAt(told.cursor);
    const asked_ms = code === CLOSE_RESTART ? told.reconnect_ms : undefined;
    this.#drop();
    this.#wait(asked_ms ?? delay_ms(this.#attempt, this.#options.random()));
    this.#attempt += 1;
  }

  #wait(retry_ms) {
    this.#timer = this.#options.clock.after(retry_ms, () => this.#connect());
    this.#become("waiting", retry_ms);
  }

  /** Forgets the connection, if there is one, without a word more from it. */
  #drop() {
    const { clock } = this.#options;
    clock.cancel(this.#timer);
    clock.cancel(this.#watchdog);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#openedAt = undefined;
    this.#pings = 0;
    for (const subscription of this.#subscriptions.values()) subscription.isSent = false;
    socket?.close();
  }

  #become(state, retry_ms) {
    this.#state = state;
    this.dispatchEvent(new StateEvent(state, retry_ms));
  }

  #receive(frame) {
    this.#listen();
    switch (frame.type) {
      case undefined: return this.#tell((it) => it.what.user_id !== undefined, "message", frame);
      case "event": return this.#tell((it) => it.covers(frame), "message", frame);
      case "live":
      case "reset": return this.#tell((it) => it.key === keyOf(frame), frame.type, frame);
      case "presence": return this.dispatchEvent(new PresenceEvent(frame.users));
      case "error": return this.dispatchEvent(new RefusalEvent(frame));
      case "pong": return this.#ponged();
    }
  }

  #tell(isMeant, what, frame) {
    for (const subscription of [...this.#subscriptions.values()]) {
      if (subscription.isSent && isMeant(subscription)) subscription.take(what, frame);
    }
  }

  #unsubscribe(subscription) {
    if (this.#subscriptions.get(subscription.key) !== subscription) return;
    this.#subscriptions.delete(subscription.key);
    if (!subscription.isSent) return;
    this.#send({ type: "unsubscribe", ...subscription.what });
    // What is on its way still could pass for something of a new subscription; all of it is in front of the pong.
    this.#ping();
  }

  #ping() {
    this.#pings += 1;
    this.#send({ type: "ping" });
  }

  #ponged() {
    this.#pings -= 1;
    this.#sendSubscriptions();
  }

  #sendSubscriptions() {
    if (this.#state !== "open" || this.#pings > 0) return;
    for (const subscription of this.#subscriptions.values()) {
      if (!subscription.isSent) this.#send(subscription.request);
      subscription.isSent = true;
    }
  }

  #send(frame) {
    if (this.#state === "open") this.#socket.send(JSON.stringify(frame));
  }

  /** A connection that was too slow had been told something up to here; its own cursor tells each more exactly. */
  #resumeAt(cursor) {
    if (!cursor) return;
    for (const subscription of this.#subscriptions.values()) subscription.cursor ??= cursor;
  }

  /** Waits for the next word; after a long silence asks for one, and gives the connection up if none comes. */
  #listen() {
    const { clock } = this.#options;
    clock.cancel(this.#watchdog);
    this.#watchdog = clock.after(SILENCE_MS, () => {
      this.#ping();
      this.#watchdog = clock.after(PONG_MS, () => this.#broken(0, ""));
    });
  }
}

/** The reason of a close: JSON, or nothing. */
function parsed(reason) {
  try {
    return JSON.parse(reason) ?? {};
  } catch {
    return {};
  }
}
