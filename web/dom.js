/**
 * What all views build their parts with. Texts become text nodes, so that no content is ever taken for markup.
 */

const CUT_CHARS = 300;

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** Shows a text in the element of an id. One that is there already is left alone, so that it is not read out again. */
export function say(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

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

/**
 * A list on the page, the newest first, that holds so many entries at most: the last ones go.
 *
 * What arrives is drawn with the next frame of the screen, however much it is, and marked until something newer is.
 */
export class BoundedList {
  #list;
  #limit;
  #entryOf;
  #onDrawn;
  /** What is not drawn yet, the newest last. */
  #waiting = [];
  #isHeld = false;
  #isDrawing = false;

  /**
   * @param {Element} list
   * @param {number} limit
   * @param {(item: any) => Element} entryOf makes an entry of an item
   * @param {() => void} [onDrawn] is called when what has arrived has been drawn
   */
  constructor(list, limit, entryOf, onDrawn = () => {}) {
    this.#list = list;
    this.#limit = limit;
    this.#entryOf = entryOf;
    this.#onDrawn = onDrawn;
  }

  get length() { return this.#list.children.length; }
  get isFull() { return this.length >= this.#limit; }
  /** How many are held back. */
  get waiting() { return this.#waiting.length; }

  /** Puts an item in front. */
  arrive(item) {
    this.#waiting.push(item);
    if (this.#waiting.length > this.#limit) this.#waiting.shift();
    this.#draw();
  }

  /** Puts items behind the others, as many as there is room for. */
  append(items) {
    this.#list.append(...items.slice(0, this.#limit - this.length).map(this.#entryOf));
  }

  /** Holds back what arrives, or no more. */
  hold(isHeld) {
    this.#isHeld = isHeld;
    this.#draw();
  }

  clear() {
    this.#waiting = [];
    this.#list.replaceChildren();
  }

  #draw() {
    if (this.#isDrawing || this.#isHeld || this.#waiting.length === 0) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      if (!this.#isHeld) this.#drawNow();
    });
  }

  #drawNow() {
    for (const entry of this.#list.querySelectorAll(":scope > .fresh")) entry.classList.remove("fresh");
    const entries = this.#waiting.splice(0).reverse().map(this.#entryOf);
    for (const entry of entries) entry.classList.add("fresh");
    this.#list.prepend(...entries);
    while (this.length > this.#limit) this.#list.lastElementChild.remove();
    this.#onDrawn();
  }
}
