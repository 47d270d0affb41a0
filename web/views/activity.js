/**
 * The activity feed: the newest events that fit a filter, new ones as they come, older ones on request.
 */

import { BoundedList, byId, counted, element, longText, say, time } from "../dom.js";
import { call } from "../rpc.js";

const PAGE_SIZE = 50;
/** As many are on the page. */
const MOST_ENTRIES = 1_000;

/** The section. */
export class Activity {
  #muster;
  #list = new BoundedList(byId("activity-list"), MOST_ENTRIES, entryOf, () => this.#note());
  #subscription;
  #olderToken = "";
  #isPaused = false;
  /** Which filter is the present one: an answer to another comes too late. */
  #turn = 0;
  #filter;

  constructor(muster) {
    this.#muster = muster;
    byId("activity-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    byId("activity-match").addEventListener("change", () => this.#begin());
    byId("activity-pause").addEventListener("click", () => this.#pause(!this.#isPaused));
    byId("activity-older").addEventListener("click", () => this.#older());
  }

  show() {
    if (this.#subscription === undefined) this.#begin();
  }

  hide() {
    this.#turn += 1;
    this.#subscription?.close();
    this.#subscription = undefined;
  }

  /** Shows the newest page of what fits the filter, and then what comes behind it. */
  async #begin() {
    this.hide();
    this.#filter = filter();
    this.#list.clear();
    this.#pause(false);
    const turn = this.#turn;
    const page = await this.#page("");
    if (turn !== this.#turn || page === undefined) return;
    const { topic, topicPrefix, kind } = this.#filter;
    const topics = topic === undefined ? { topic_prefix: topicPrefix } : { topic };
    const what = { ...topics, ...(kind ? { kind } : {}), ...(page.cursor ? { after: page.cursor } : {}) };
    const message = (event) => this.#take(event);
    const reset = () => { say("activity-problem", "Some events that came meanwhile are not kept any more."); };
    this.#subscription = this.#muster.subscribe(what, { message, reset });
  }

  async #older() {
    byId("activity-older").disabled = true;
    await this.#page(this.#olderToken);
    byId("activity-older").disabled = false;
  }

  /** Shows a page behind what is shown. */
  async #page(pageToken) {
    const turn = this.#turn;
    const request = { filter: this.#filter, pageSize: PAGE_SIZE, pageToken, backwards: true };
    try {
      const page = await call("muster.activity.v1.ActivityService/List", request);
      if (turn !== this.#turn) return undefined;
      this.#olderToken = page.nextPageToken ?? "";
      this.#list.append(page.events ?? []);
      say("activity-problem", "");
      this.#note();
      return page;
    } catch (error) {
      if (turn === this.#turn) say("activity-problem", `The events cannot be listed: ${error.message}. Press Filter to try again.`);
      return undefined;
    }
  }

  #take(event) {
    this.#list.arrive({ ...event, receivedAt: event.received_at });
    if (this.#isPaused) this.#note();
  }

  #pause(isPaused) {
    this.#isPaused = isPaused;
    byId("activity-pause").setAttribute("aria-pressed", String(isPaused));
    byId("activity-pause").textContent = isPaused ? "Go on" : "Pause";
    this.#list.hold(isPaused);
    this.#note();
  }

  #note() {
    byId("activity-older").hidden = this.#olderToken === "" || this.#list.isFull;
    say("activity-note", this.#told());
  }

  #told() {
    if (this.#isPaused) return `Paused, ${counted(this.#list.waiting, "new event")} since`;
    if (this.#list.length === 0) return "No event fits yet; new ones appear here.";
    const shown = counted(this.#list.length, "event");
    return this.#list.isFull ? `The newest ${shown}; set a filter to find older ones` : `${shown} shown`;
  }
}

/** What the form asks for. */
function filter() {
  const topic = byId("activity-topic").value.trim();
  const kind = byId("activity-kind").value.trim();
  const isWhole = byId("activity-match").value === "topic" && topic !== "";
  return { ...(isWhole ? { topic } : { topicPrefix: topic }), ...(kind ? { kind } : {}) };
}

function entryOf({ topic, id, kind, message, attributes, receivedAt }) {
  const about = element("p", { class: "about" }, time(receivedAt));
  for (const part of [topic, kind, `id ${id}`].filter(Boolean)) about.append(" ", element("span", {}, part));
  const text = element("div", { class: "text" }, longText(messageOf(message)));
  const pairs = Object.entries(attributes ?? {}).map(([name, value]) => `${name}: ${value}`);
  if (pairs.length > 0) text.append(longText(pairs.join(", "), { class: "about" }));
  text.append(about);
  return element("li", {}, text);
}

/** What happened: of an event in CloudEvents' envelope, the message that its data holds. */
function messageOf(message) {
  if (!message?.startsWith("{")) return message ?? "";
  try {
    return String(JSON.parse(message).data.message ?? message);
  } catch {
    return message;
  }
}
