/**
 * The page: whose it is, its connection, and which section is shown. Each section is a view of its own.
 */

import { byId, say } from "./dom.js";
import { Muster } from "./muster.js";
import { Activity } from "./views/activity.js";
import { Health } from "./views/health.js";
import { Inbox } from "./views/inbox.js";
import { Online } from "./views/online.js";
import { Tasks } from "./views/tasks.js";

const FIRST_SECTION = "inbox";

/** The user whom the address names, or none; and what is wrong with it. */
function userOf(search) {
  const text = (new URLSearchParams(search).get("user_id") ?? "").trim();
  if (text === "") return {};
  const isId = /^[1-9][0-9]{0,18}$/.test(text) && BigInt(text) <= 9_223_372_036_854_775_807n;
  return isId ? { user: text } : { problem: `“${text.slice(0, 40)}” is no user: enter a number from 1 up` };
}

/** Shows the state of the connection, and lets the reader try at once while it waits. */
function showState({ state, retry_ms }) {
  const told = {
    connecting: ["Connecting…", "warn"],
    open: ["Connected", "good"],
    waiting: [`Disconnected, next try in ${Math.ceil((retry_ms ?? 0) / 1000)} s`, "bad"],
    closed: ["Not connected", "off"],
  };
  const [text, look] = told[state];
  byId("connection").textContent = text;
  byId("connection").className = `badge ${look}`;
  byId("reconnect").hidden = state !== "waiting";
}

function showSection(views) {
  const asked = location.hash.slice(1);
  const name = asked in views ? asked : FIRST_SECTION;
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const [each, view] of Object.entries(views)) {
    const isShown = each === name;
    byId(each).hidden = !isShown;
    if (isShown) view.show();
    else view.hide();
  }
}

/** Says in the title of the tab what is shown, and how much has come since the reader last looked. */
function showTitle(unread) {
  const shown = document.querySelector("main > section:not([hidden]) h1");
  document.title = `${unread === 0 ? "" : `(${unread}) `}${shown?.textContent ?? "Inbox"} · muster`;
}

function start() {
  const { user, problem } = userOf(location.search);
  byId("user-id").value = user ?? "";
  say("user-problem", problem ?? "");
  const muster = new Muster();
  muster.addEventListener("state", showState);
  muster.addEventListener("refusal", ({ error, field }) => {
    say("user-problem", `The gateway refused: ${field ? `${field}: ` : ""}${error}`);
  });
  showState({ state: muster.state });

  const inbox = new Inbox(muster, user);
  const views = {
    inbox,
    online: new Online(muster, user),
    activity: new Activity(muster),
    tasks: new Tasks(inbox, user),
    health: new Health(),
  };
  showSection(views);
  showTitle(inbox.unread);
  inbox.addEventListener("unread", () => showTitle(inbox.unread));
  addEventListener("hashchange", () => {
    showSection(views);
    showTitle(inbox.unread);
    byId("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  addEventListener("online", () => muster.reconnect());
  byId("reconnect").addEventListener("click", () => muster.reconnect());
  byId("user-form").addEventListener("submit", (event) => {
    event.preventDefault();
    location.search = new URLSearchParams({ user_id: byId("user-id").value.trim() });
  });
}

start();
