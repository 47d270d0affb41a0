/**
 * What all views build their parts with. Texts become text nodes, so that no content is ever taken for markup.
 */

const CUT_CHARS = 300;

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/**
 * A new element.
 *
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A button that does something. */
export function button(label, onClick, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", onClick);
  return made;
}

/** A text in its own paragraph; one that is very long begins cut. */
export function longText(text, attributes = {}) {
  const paragraph = element("p", attributes, text);
  if (text.length <= CUT_CHARS) return paragraph;
  paragraph.textContent = `${text.slice(0, CUT_CHARS)}… `;
  const all = button("Show all", () => { paragraph.textContent = text; }, { class: "quiet" });
  paragraph.append(all);
  return paragraph;
}

/** A time as the reader's clock shows it; the exact one is its title. */
export function time(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return element("span", {}, "");
  const isToday = date.toDateString() === new Date().toDateString();
  const shown = isToday ? date.toLocaleTimeString() : date.toLocaleString();
  return element("time", { datetime: date.toISOString(), title: date.toISOString() }, shown);
}

/** One thing or many: `2 users`. */
export const counted = (count, one, many = `${one}s`) =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** A list on the page that holds so many entries at most: the last ones go. */
export class BoundedList {
  #list;
  #limit;

  constructor(list, limit) {
    this.#list = list;
    this.#limit = limit;
  }

  get length() { return this.#list.children.length; }
  get isFull() { return this.length >= this.#limit; }

  /** Puts entries in front, of which the first is the newest. */
  prepend(entries) {
    this.#list.prepend(...entries.slice(0, this.#limit));
    while (this.length > this.#limit) this.#list.lastElementChild.remove();
  }

  /** Puts entries behind the others, as many as there is room for. */
  append(entries) {
    this.#list.append(...entries.slice(0, this.#limit - this.length));
  }

  clear() { this.#list.replaceChildren(); }
}
