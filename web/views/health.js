/**
 * Health: what the gateway hears from each service and each of its instances.
 */

import { byId, counted, element, say } from "../dom.js";
import { read } from "../rpc.js";

const REFRESH_MS = 3_000;
const [SERVING, UNKNOWN] = ["SERVING", "UNKNOWN"];
const WORDS = { SERVING: "serving", NOT_SERVING: "not serving", UNKNOWN: "not known here", UNREACHABLE: "unreachable" };

/** The section. */
export class Health {
  #timer;
  #shown = "";

  show() {
    this.#refresh();
    this.#timer ??= setInterval(() => { if (!document.hidden) this.#refresh(); }, REFRESH_MS);
  }

  hide() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #refresh() {
    try {
      const { services } = await read("/services");
      say("health-problem", "");
      this.#show(services ?? []);
    } catch (error) {
      say("health-problem", `The health of the services cannot be told: ${error.message}.`);
      say("health-note", "What is below was told earlier.");
    }
  }

  #show(services) {
    say("health-note", summary(services));
    const told = JSON.stringify(services);
    if (told === this.#shown) return;
    this.#shown = told;
    byId("health-list").replaceChildren(...services.map((service) => serviceEntry(service)));
  }
}

/** All of them in a sentence; those that run nowhere, as far as the gateway knows, do not count. */
function summary(services) {
  const known = services.filter(({ status }) => status !== UNKNOWN);
  const ill = known.filter(({ status }) => status !== SERVING).map(({ name }) => name);
  if (known.length === 0) return "The gateway knows of no service.";
  if (ill.length === 0) return `${counted(known.length, "service")}, all of them serving`;
  return `${ill.length} of ${counted(known.length, "service")} not serving: ${ill.join(", ")}`;
}

function badge(status) {
  const look = status === SERVING ? "good" : status === UNKNOWN ? "warn" : "bad";
  return element("span", { class: `badge ${look}` }, WORDS[status] ?? String(status).toLowerCase());
}

function serviceEntry({ name, status, instances = [] }) {
  const entry = element("li", {}, element("div", { class: "head" }, element("strong", {}, name), badge(status)));
  if (instances.length === 0) entry.append(element("p", { class: "about" }, "no instance is known"));
  for (const { addr, status } of instances) {
    entry.append(element("p", { class: "about" }, `${addr} ${WORDS[status] ?? status}`));
  }
  return entry;
}
