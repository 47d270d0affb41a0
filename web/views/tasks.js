/**
 * Tasks: add one, complete it, and see what its user is told.
 */

import { BoundedList, byId, counted, element, longText, say, time } from "../dom.js";
import { call } from "../rpc.js";
import { arrived, entryOf } from "./inbox.js";

const SERVICE = "muster.tasks.v1.TasksService";
const PAGE_SIZE = 100;
/** As many are on the page. */
const MOST_ENTRIES = 1_000;
const PUSHED_ENTRIES = 1;
const [OPEN, COMPLETED] = ["TASK_STATUS_OPEN", "TASK_STATUS_COMPLETED"];

/** The section. */
export class Tasks {
  #user;
  #list = new BoundedList(byId("tasks-list"), MOST_ENTRIES, (task) => this.#entry(task));
  #pushed = new BoundedList(byId("pushed-list"), PUSHED_ENTRIES, entryOf);
  #nextToken = "";
  #isShown = false;
  /** Tells a repetition of what the form sends from another task of the same content. */
  #key = newKey();

  constructor(inbox, user) {
    this.#user = user;
    inbox.addEventListener("notification", ({ frame }) => this.#take(frame));
    if (user === undefined) byId("tasks-whose").value = "all";
    byId("tasks-whose").disabled = user === undefined;
    byId("task-user").value = user ?? "1";
    byId("task-form").addEventListener("submit", (event) => this.#add(event));
    byId("task-form").addEventListener("input", () => { this.#key = newKey(); });
    byId("tasks-filter").addEventListener("change", () => this.#refresh());
    byId("tasks-filter").addEventListener("submit", (event) => event.preventDefault());
    byId("tasks-more").addEventListener("click", () => this.#page(this.#nextToken));
    byId("pushed-hide").addEventListener("click", () => this.#hidePushed());
  }

  show() {
    this.#isShown = true;
    this.#refresh();
  }

  hide() {
    this.#isShown = false;
    this.#hidePushed();
  }

  #hidePushed() {
    this.#pushed.clear();
    byId("pushed").hidden = true;
  }

  /** Does something, and says what is wrong where that fails. */
  async #try(doing) {
    try {
      const answer = await doing();
      say("tasks-problem", "");
      return answer;
    } catch (error) {
      say("tasks-problem", `${error.message}.`);
      return undefined;
    }
  }

  #refresh() {
    return this.#page("");
  }

  async #page(pageToken) {
    const isOwn = byId("tasks-whose").value === "own";
    const request = { status: byId("tasks-status").value, pageSize: PAGE_SIZE, pageToken, ...(isOwn ? { userId: this.#user } : {}) };
    const page = await this.#try(() => call(`${SERVICE}/ListTasks`, request));
    if (page === undefined) return;
    if (pageToken === "") this.#list.clear();
    this.#list.append(page.tasks ?? []);
    this.#nextToken = page.nextPageToken ?? "";
    this.#note();
  }

  async #add(event) {
    event.preventDefault();
    const content = byId("task-content").value;
    const userId = byId("task-user").value.trim();
    const request = { userId, content, idempotencyKey: this.#key };
    const answer = await this.#try(() => call(`${SERVICE}/CreateTask`, request));
    if (answer === undefined) return;
    this.#key = newKey();
    byId("task-content").value = "";
    byId("task-content").focus();
    if (this.#fits(answer.task)) this.#list.arrive(answer.task);
    say("tasks-note", `Task ${answer.task.id} was added.`);
  }

  async #set(task, status) {
    const request = { id: task.id, status, etag: task.etag };
    const answer = await this.#try(() => call(`${SERVICE}/UpdateTask`, request));
    if (answer !== undefined) this.#replace(answer.task);
    else await this.#reload(task.id);
  }

  /** Shows a task as it is by now: somebody else was faster. */
  async #reload(id) {
    try {
      this.#replace((await call(`${SERVICE}/GetTask`, { id })).task);
    } catch {
      // What was wrong is on the page already.
    }
  }

  /** Shows a task as it is now; the focus stays on its button. */
  #replace(task) {
    const known = document.getElementById(rowId(task));
    if (known === null) return;
    const hasFocus = known.contains(document.activeElement);
    const entry = this.#entry(task);
    known.replaceWith(entry);
    if (hasFocus) entry.querySelector(":scope > button").focus();
  }

  /** Something was pushed to the user of the page: it is shown, and so is its task. */
  #take(frame) {
    if (!this.#isShown) return;
    byId("pushed").hidden = false;
    this.#pushed.arrive(arrived(frame));
    if (frame.task?.id !== undefined) this.#pushedTask(String(frame.task.id));
  }

  /** Shows the task that was pushed as it is by now; one that is new here, unless the list would move under the reader. */
  async #pushedTask(id) {
    if (document.getElementById(rowId({ id })) === null) {
      return byId("tasks-list").contains(document.activeElement) ? undefined : this.#refresh();
    }
    try {
      this.#replace((await call(`${SERVICE}/GetTask`, { id })).task);
    } catch {
      // The push itself is shown; the list is as it was.
    }
  }

  #fits({ userId, status }) {
    const isOwn = byId("tasks-whose").value === "own";
    const asked = byId("tasks-status").value;
    return (!isOwn || userId === this.#user) && (asked === status || ![OPEN, COMPLETED].includes(asked));
  }

  #note() {
    byId("tasks-more").hidden = this.#nextToken === "" || this.#list.isFull;
    const more = this.#nextToken === "" ? "" : ", and there are more";
    say("tasks-note", this.#list.length === 0 ? "No task fits." : `${counted(this.#list.length, "task")} shown${more}`);
  }

  #entry(task) {
    const isDone = task.status === COMPLETED;
    const about = element("p", { class: "about" }, element("span", {}, `task ${task.id}`), " ");
    about.append(element("span", {}, `user ${task.userId}`), " ", this.#when(task, isDone));
    const text = element("div", { class: isDone ? "text done" : "text" }, longText(task.content ?? ""), about);
    const [label, next] = isDone ? ["Reopen", OPEN] : ["Complete", COMPLETED];
    const act = element("button", { type: "button", "aria-label": `${label} task ${task.id}` }, label);
    act.addEventListener("click", () => this.#set(task, next));
    return element("li", { id: rowId(task) }, text, act);
  }

  #when(task, isDone) {
    const [what, at] = isDone ? ["completed ", task.completedAt] : ["created ", task.createdAt];
    return element("span", {}, what, time(at));
  }
}

const rowId = ({ id }) => `task-${id}`;

/** Anything that nobody else has; `crypto.randomUUID` is there for secure origins only. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
