/**
 * Who is online: all of them from a list that is asked for again and again, and changes of those on it at once.
 */

import { byId, counted, element, say, time } from "../dom.js";
import { call } from "../rpc.js";

const REFRESH_MS = 2_000;
/** As many can be monitored, and as many are shown. */
const MOST_USERS = 1_000;
const PAGE_SIZE = 1_000;
const ID = /^[1-9][0-9]{0,17}$/;

/** The section. */
export class Online {
  #muster;
  #own;
  /** What is known, by user. */
  #users = new Map();
  /** Those whom the reader asked for: they are shown even while they are offline. */
  #asked = new Set();
  /** Whether more are online than a page has. */
  #isMore = false;
  /** Who is monitored, as one text. */
  #monitored = "";
  /** What is on the page, as one text. */
  #shown = "";
  #timer;

  constructor(muster, own) {
    this.#muster = muster;
    this.#own = own;
    muster.addEventListener("presence", ({ users }) => this.#changed(users));
    byId("watch-form").addEventListener("submit", (event) => this.#watch(event));
  }

  show() {
    this.#refresh();
    this.#timer ??= setInterval(() => { if (!document.hidden) this.#refresh(); }, REFRESH_MS);
  }

  hide() {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#monitored = "";
    this.#muster.monitor([]);
  }

  async #refresh() {
    try {
      const { users, nextPageToken } = await call("muster.presence.v1.PresenceService/ListOnline", { pageSize: PAGE_SIZE });
      this.#isMore = Boolean(nextPageToken);
      this.#list(users ?? []);
      say("online-problem", "");
    } catch (error) {
      say("online-problem", `Who is online cannot be told: ${error.message}.`);
    }
  }

  /** Takes a list of all who are online: whoever is not on it is offline. */
  #list(listed) {
    const online = new Map(listed.map((user) => [user.user, user]));
    for (const [user, known] of this.#users) {
      if (!online.has(user) && known.online && !this.#isMore) this.#users.set(user, gone(known));
    }
    for (const [user, { devices }] of online) {
      this.#users.set(user, { user, devices: devices ?? [], online: true });
    }
    this.#forget();
    if (this.#timer !== undefined) this.#monitor();
    this.#show();
  }

  #changed(users) {
    for (const { user, online } of users) {
      const known = this.#users.get(user) ?? { user, devices: [], online: false };
      if (known.online !== online) this.#users.set(user, online ? { ...known, online } : gone(known));
      else this.#users.set(user, known);
    }
    this.#show();
  }

  #watch(event) {
    event.preventDefault();
    const user = byId("watch-user").value.trim();
    byId("watch-user").value = "";
    if (user === "") return;
    this.#asked.add(user);
    if (!this.#users.has(user)) this.#users.set(user, { user, devices: [], online: false });
    this.#forget();
    this.#monitor();
    this.#show();
  }

  /** Keeps within what can be monitored: whoever went longest ago goes first. */
  #forget() {
    const users = [...this.#users.values()];
    const rank = ({ user, online, left_at }) => (this.#asked.has(user) ? Infinity : online ? Number.MAX_VALUE : left_at ?? 0);
    users.sort((one, other) => (rank(one) < rank(other) ? 1 : rank(one) > rank(other) ? -1 : 0));
    for (const { user } of users.slice(MOST_USERS)) {
      this.#users.delete(user);
      this.#asked.delete(user);
    }
  }

  /** Monitors all on the list that can be, if they are not the same as before: users whose names are no ids cannot. */
  #monitor() {
    const users = [...this.#users.keys()].filter((user) => ID.test(user)).sort();
    const key = JSON.stringify(users);
    if (key === this.#monitored) return;
    this.#monitored = key;
    this.#muster.monitor(users);
  }

  #show() {
    const users = [...this.#users.values()].sort(inOrder);
    const shown = JSON.stringify([users, this.#isMore]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    byId("online-list").replaceChildren(...users.map((user) => this.#entry(user)));
    const count = users.filter(({ online }) => online).length;
    const more = this.#isMore ? `, and more than are shown here` : "";
    say("online-note", count === 0 ? "Nobody is online." : `${counted(count, "user")} online${more}`);
  }

  #entry({ user, devices, online, left_at }) {
    const name = element("strong", {}, user);
    const own = user === this.#own ? [element("span", { class: "about" }, "this page")] : [];
    const badge = element("span", { class: online ? "badge good" : "badge off" }, online ? "online" : "offline");
    const told = devices.map(({ device, status }) => [device, status].filter(Boolean).join(": ")).filter(Boolean);
    const entry = element("li", {}, element("div", { class: "head" }, name, ...own, badge));
    if (online && told.length > 0) entry.append(element("p", { class: "about" }, told.join(", ")));
    if (!online && left_at) entry.append(element("p", { class: "about" }, "went at ", time(left_at)));
    return entry;
  }
}

const gone = (known) => ({ ...known, online: false, devices: [], left_at: Date.now() });

/** Who is online comes first; names as people order them, numbers by their value. */
function inOrder(one, other) {
  return Number(other.online) - Number(one.online) || one.user.localeCompare(other.user, undefined, { numeric: true });
}
