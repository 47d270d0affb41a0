/**
 * The inbox: what a user is told, as it comes, and what they were told last.
 */

import { BoundedList, byId, element, longText, say, time } from "../dom.js";
import { call, read } from "../rpc.js";

/** As many are on the page; older ones are in Activity. */
const MOST_ENTRIES = 500;
const EARLIER_ENTRIES = 50;
const TASKS_PORT = 3333;

/** What a user is told, as an entry of a list. */
export function entryOf({ message, task, at }) {
  const about = element("p", { class: "about" }, time(at));
  if (task?.id !== undefined) about.append(" ", element("span", {}, `task ${task.id}`));
  const text = element("div", { class: "text" }, longText(String(message ?? "")), about);
  if (task?.content) text.insertBefore(longText(`“${task.content}”`, { class: "about" }), about);
  return element("li", {}, text);
}

/** What has just come, with a time to show. */
export const arrived = (frame) => ({ ...frame, at: frame.task?.completedAt ?? Date.now() });

/** The event that was stored for a user, as its subscribers get it; one that is something else, by its message. */
function notificationOf(event) {
  const at = event.receivedAt;
  try {
    const { data } = JSON.parse(event.message);
    return { ...data, message: data.message ?? event.message, at };
  } catch {
    return { message: event.message, at };
  }
}

/** The section. Tells others of what comes: `notification` with the `frame`, and `unread` when its count changes. */
export class Inbox extends EventTarget {
  #muster;
  #user;
  #list = new BoundedList(byId("inbox-list"), MOST_ENTRIES, entryOf, () => this.#showEmpty());
  #isShown = false;
  /** How many have come since the reader last looked. */
  unread = 0;

  constructor(muster, user) {
    super();
    this.#muster = muster;
    this.#user = user;
    byId("inbox-copy").addEventListener("click", () => this.#copy());
    document.addEventListener("visibilitychange", () => { if (this.#isSeen) this.#count(0); });
    if (user === undefined) {
      say("inbox-note", "Whose? Enter the number of a user above, and open it: 1, for example.");
      return;
    }
    byId("inbox-title").textContent = `Inbox of user ${user}`;
    this.#begin();
  }

  show() {
    this.#isShown = true;
    this.#count(0);
  }

  hide() {
    this.#isShown = false;
  }

  get #isSeen() { return this.#isShown && !document.hidden; }

  /** Shows what came before, and from where that ends what comes. */
  async #begin() {
    let after;
    try {
      after = await this.#earlier();
    } catch (error) {
      say("inbox-note", `What came before cannot be shown: ${error.message}.`);
    }
    const message = (frame) => this.#take(frame);
    const reset = () => { say("inbox-note", "Some of what came meanwhile is not kept any more."); };
    this.#muster.subscribe({ user_id: this.#user, ...(after ? { after } : {}) }, { message, reset });
    this.#showEmpty();
  }

  async #earlier() {
    const page = await call("muster.activity.v1.ActivityService/List", {
      filter: { topic: `user/${this.#user}` },
      pageSize: EARLIER_ENTRIES,
      backwards: true,
    });
    this.#list.append((page.events ?? []).map(notificationOf));
    return page.cursor;
  }

  #take(frame) {
    this.#list.arrive(arrived(frame));
    if (!this.#isSeen) this.#count(this.unread + 1);
    this.dispatchEvent(Object.assign(new Event("notification"), { frame }));
  }

  #count(unread) {
    this.unread = unread;
    byId("unread").hidden = unread === 0;
    say("unread-count", unread > 99 ? "99+" : String(unread));
    this.dispatchEvent(new Event("unread"));
  }

  #showEmpty() {
    const isEmpty = this.#list.length === 0;
    if (isEmpty && byId("inbox-empty").hidden) this.#suggest();
    byId("inbox-empty").hidden = !isEmpty;
  }

  /** A command that makes something come: it completes a task of this user that is open. */
  async #suggest() {
    const [host, task] = await Promise.all([tasksHost(), openTask(this.#user)]);
    byId("inbox-try").hidden = task === undefined;
    byId("inbox-hint").textContent = task === undefined
      ? "This user has no open task."
      : "Complete a task of this user in a terminal, and watch:";
    showCommand(`curl -XPATCH http://${host}/tasks/${task} -d '{"status":1}'`);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(byId("inbox-command").textContent);
      say("inbox-note", "Copied.");
    } catch {
      say("inbox-note", "The browser does not let this page copy: select the line instead.");
    }
  }
}

/** Shows a command, which may break between its words: a browser breaks behind each hyphen otherwise. */
function showCommand(text) {
  const words = text.split(" ").flatMap((word) => [" ", element("span", {}, word)]);
  byId("inbox-command").replaceChildren(...words.slice(1));
}

/** Where the tasks service listens, as one would type it. */
async function tasksHost() {
  const known = `localhost:${TASKS_PORT}`;
  try {
    const { services } = await read("/services");
    const tasks = services.find(({ name }) => name === "tasks");
    return tasks?.instances?.[0]?.addr?.replace(/^(127\.0\.0\.1|\[::1\]):/, "localhost:") ?? known;
  } catch {
    return known;
  }
}

/** The first task of a user that is open; task 1 while nobody can tell, and none if all are done. */
async function openTask(user) {
  try {
    const request = { userId: user, status: "TASK_STATUS_OPEN", pageSize: 1 };
    const { tasks } = await call("muster.tasks.v1.TasksService/ListTasks", request);
    return tasks?.[0]?.id;
  } catch {
    return 1;
  }
}
