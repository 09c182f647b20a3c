// Elements are built from plain values and put on the page by morphing, so that focus, selection and open details
// survive an update. Text only ever becomes a text node: no name and no sentence can turn into markup.

/** Build an element: `h("p", {class: "quiet"}, "text", child)`. Children that are null or false are left out. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Make the children of `live` look like `children`, touching only what differs. */
export function show(live, ...children) {
  const fresh = document.createElement(live.tagName);
  add(fresh, children);
  morphChildren(live, fresh);
}

function morphChildren(live, fresh) {
  const keyed = new Map();
  for (const child of live.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let position = live.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = wanted.dataset?.key ? keyed.get(wanted.dataset.key) : undefined;
    if (known && known !== position) {
      live.insertBefore(known, position);
      position = known;
    }
    if (position && alike(position, wanted)) {
      const next = position.nextSibling;
      morph(position, wanted);
      position = next;
    } else {
      live.insertBefore(wanted, position);
    }
  }
  while (position) {
    const next = position.nextSibling;
    position.remove();
    position = next;
  }
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;
}

function morph(live, fresh) {
  if (live.nodeType === Node.TEXT_NODE) {
    if (live.data !== fresh.data) live.data = fresh.data;
    return;
  }
  for (const { name, value } of fresh.attributes) if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  for (const { name } of [...live.attributes]) {
    const reader = name === "open" && live.nodeName === "DETAILS";
    if (!fresh.hasAttribute(name) && !reader) live.removeAttribute(name);
  }
  morphChildren(live, fresh);
}
