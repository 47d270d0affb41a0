/**
 * Health: what the gateway hears from each service and each of its instances.
 */

import { byId, counted, element } from "../dom.js";
import { read } from "../rpc.js";

const REFRESH_MS = 3_000;
const SERVING = "SERVING";
const WORDS = { SERVING: "serving", NOT_SERVING: "not serving", UNKNOWN: "unknown", UNREACHABLE: "unreachable" };

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
      byId("health-problem").textContent = "";
      this.#show(services ?? []);
    } catch (error) {
      byId("health-problem").textContent = `The health of the services cannot be told: ${error.message}.`;
      byId("health-note").textContent = "What is below was told earlier.";
    }
  }

  #show(services) {
    const ill = services.filter(({ status }) => status !== SERVING);
    byId("health-note").textContent = services.length === 0 ? "The gateway knows of no service."
      : ill.length === 0 ? `All ${counted(services.length, "service")} are serving.`
      : `${ill.length} of ${counted(services.length, "service")} not serving: ${ill.map(({ name }) => name).join(", ")}`;
    const told = JSON.stringify(services);
    if (told === this.#shown) return;
    this.#shown = told;
    byId("health-list").replaceChildren(...services.map((service) => serviceEntry(service)));
  }
}

function badge(status) {
  const look = status === SERVING ? "good" : status === "UNKNOWN" ? "warn" : "bad";
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
