/**
 * Reads server-sent events from a fetch body.
 * EventSource can't send the Authorization header that the backend asks for,
 * so the event-stream format is parsed here, whatever the chunk boundaries.
 */

/** @typedef {{id: string, type: string, data: string}} RawEvent */

export class SseParser {
  #line = '';
  #afterCr = false;
  #id = '';
  #type = '';
  /** @type {string[]} */
  #data = [];

  /** The delay in milliseconds that the server asked for before a reconnection, if it did. */
  retry = 0;

  /** Whether anything came at all, were it only a heartbeat. */
  heard = false;

  /**
   * Takes the next piece of text and returns the events that it completed.
   * @param {string} text
   * @returns {RawEvent[]}
   */
  push(text) {
    if (!text) return [];
    this.heard = true;
    const continues = this.#afterCr && text.startsWith('\n');
    this.#afterCr = text.endsWith('\r');
    // A CR that ended the last piece has already ended its line; only now comes its LF.
    if (continues) text = text.slice(1);

    const lines = text.split(/\r\n|\r|\n/);
    lines[0] = this.#line + lines[0];
    this.#line = /** @type {string} */ (lines.pop());

    const events = [];
    for (const line of lines) {
      if (line) this.#field(line);
      else {
        if (this.#data.length) events.push({ id: this.#id, type: this.#type || 'message', data: this.#data.join('\n') });
        // EventSource would keep the id for the next event. Here one without an id (`typing`) must not pass for a repeat.
        this.#id = this.#type = '';
        this.#data = [];
      }
    }
    return events;
  }

  /** @param {string} line */
  #field(line) {
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment: the heartbeat
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
  }
}

/**
 * The events of a response, as they come. Ends with the body; throws when the connection breaks,
 * or when not even a heartbeat came for `silence` milliseconds (a connection that is dead without saying so).
 * @param {ReadableStream<Uint8Array>} body
 * @param {SseParser} parser
 * @param {number} silence
 * @returns {AsyncGenerator<RawEvent, void, void>}
 */
export async function* readEvents(body, parser, silence) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const silent = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new TypeError('the stream went silent')), silence);
      });
      const { done, value } = await /** @type {Promise<ReadableStreamReadResult<Uint8Array>>} */ (
        Promise.race([reader.read(), silent])
      ).finally(() => clearTimeout(timer));
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Also when the consumer leaves early: the connection must not stay open behind it.
    reader.cancel().catch(() => {});
  }
}
