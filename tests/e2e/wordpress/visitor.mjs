/** Somebody's browser, as far as WordPress's REST routes see it: cookies, nonce, the page's origin. */
export class Visitor {
  #cookies = new Map();

  constructor(site) {
    this.site = site;
  }

  async request(method, path, body, headers = {}) {
    const response = await fetch(path.startsWith('http') ? path : `${this.site.url}/wp-json/deskhand/v1${path}`, {
      method, redirect: 'manual', body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        Origin: this.site.url, Cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...(this.nonce ? { 'X-WP-Nonce': this.nonce } : {}), ...headers,
      },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      this.#cookies.set(name, value);
    }
    const text = await response.text();
    let json;
    try { json = text ? JSON.parse(text) : undefined; } catch { /* a page */ }
    return { status: response.status, json, text, headers: response.headers };
  }

  /** What the widget does when the chat opens. */
  async begin() {
    this.nonce = undefined;
    this.nonce = (await this.request('GET', '/session')).json.nonce;
    return (await this.request('POST', '/token', {})).json;
  }

  async logIn(name = 'admin', password = this.site.password) {
    await this.request('GET', `${this.site.url}/wp-login.php`);
    const form = new URLSearchParams({ log: name, pwd: password, 'wp-submit': 'Log In', testcookie: '1' });
    const response = await fetch(`${this.site.url}/wp-login.php`, {
      method: 'POST', redirect: 'manual', body: form, headers: { Cookie: [...this.#cookies].map(([key, value]) => `${key}=${value}`).join('; ') },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, key, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      this.#cookies.set(key, value);
    }
    if (response.status !== 302) throw new Error(`${name} can't log in: ${response.status}`);
    this.nonce = (await this.request('GET', '/session')).json.nonce;
    return this;
  }
}
