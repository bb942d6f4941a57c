/**
 * Makes elements and icons. Text always becomes text nodes;
 * there is no way to hand HTML in, and no inline style,
 * so the widget runs under a content security policy without exceptions.
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean | ((event: any) => void) | undefined>} [attributes] functions are listeners: `onclick`
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const ICONS = {
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M8 8h8v8H8z',
  fresh: 'M12 20h8M4 20l1-4L16.5 4.5a2 2 0 0 1 3 3L8 19z',
  close: 'M6 6l12 12M18 6L6 18',
  chat: 'M21 12a8 8 0 0 1-8 8H4l1.8-3.2A8 8 0 1 1 21 12zM9 10.5h8M9 14h5',
  up: 'M7 11v9H4v-9zM7 11l4-7c1.6 0 2.6 1.2 2.3 2.8L12.8 10h5.4a2 2 0 0 1 2 2.4l-1.3 6a2 2 0 0 1-2 1.6H7',
  down: 'M17 13V4h3v9zM17 13l-4 7c-1.6 0-2.6-1.2-2.3-2.8l.5-3.2H5.8a2 2 0 0 1-2-2.4l1.3-6a2 2 0 0 1 2-1.6H17',
  arrow: 'M5 12h13M13 7l5 5-5 5',
  out: 'M9 7h8v8M17 7L7 17',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0',
  alert: 'M12 8v5M12 16.5v.1M12 3.5l9 16H3z',
};

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', ICONS[name]);
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.append(path);
  return svg;
}
