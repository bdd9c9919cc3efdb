// What happens now: server-sent events read with fetch, for EventSource cannot send a key. Who is cut off
// comes back with the id of the last event and misses nothing.

import { forget, key } from "./session.js";

const SILENT_MS = 45000; // the service says something every 15 s
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;
const STEADY_MS = 30000; // who was heard for so long is asked again at once, and no sooner
// Who was away for longer begins anew, and the views ask again: what happened since is no news any more.
const LONGEST_GAP_MS = 300000;

export class Live extends EventTarget {
  state = "off"; // off, connecting, live, lost
  since = Date.now();
  why = null; // what the service said where it refused, as without Kafka
  #last = null;
  #heardAt = Date.now();
  #refused = null;
  #abort = null;
  #wait = FIRST_WAIT_MS;

  on(kind, listener) {
    const heard = (event) => listener(event.detail);
    this.addEventListener(kind, heard);
    return () => this.removeEventListener(kind, heard);
  }

  start() {
    if (this.#abort) return;
    this.#abort = new AbortController();
    this.#heardAt = Date.now();
    this.#run(this.#abort.signal);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
    this.#last = null;
    this.#become("off");
  }

  async #run(signal) {
    while (!signal.aborted) {
      if (this.state === "off") this.#become("connecting");
      const refused = await this.#listen(signal);
      if (signal.aborted) return;
      this.#become("lost");
      if (refused === 404) this.#last = null; // a place that the log no longer has
      if (refused === 401) return;
      // Not everybody in the same moment, after a service that all of them have lost.
      await new Promise((done) => setTimeout(done, this.#wait * (0.5 + Math.random() / 2)));
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    }
  }

  async #listen(signal) {
    const ours = new AbortController();
    const both = AbortSignal.any([signal, ours.signal]);
    if (Date.now() - this.#heardAt > LONGEST_GAP_MS) this.#last = null;
    let began = Infinity;
    this.#refused = null;
    let watchdog = setTimeout(() => ours.abort(), SILENT_MS);
    try {
      const answer = await fetch("/v1/live?levels=0.1,0.5,0.9", {
        signal: both,
        credentials: "omit",
        cache: "no-store",
        headers: {
          Accept: "text/event-stream",
          Authorization: `Bearer ${key() ?? ""}`,
          ...(this.#last ? { "Last-Event-ID": this.#last } : {}),
        },
      });
      if (!answer.ok) {
        if (answer.status === 401) forget();
        const { detail } = await answer.json().catch(() => ({}));
        this.#refused = detail ?? null;
        return answer.status;
      }
      began = this.#heardAt = Date.now();
      this.#become("live");
      const parser = new Parser();
      const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await text.read();
        if (done) return 0;
        this.#heardAt = Date.now();
        clearTimeout(watchdog);
        watchdog = setTimeout(() => ours.abort(), SILENT_MS);
        for (const event of parser.take(value)) this.#tell(event);
      }
    } catch {
      return 0; // cut off, or silent for too long
    } finally {
      clearTimeout(watchdog);
      ours.abort();
      if (this.#heardAt - began > STEADY_MS) this.#wait = FIRST_WAIT_MS;
    }
  }

  #tell({ id, event, data }) {
    if (id) this.#last = id;
    if (!event || !data) return;
    try {
      this.dispatchEvent(new CustomEvent(event, { detail: JSON.parse(data) }));
    } catch (error) {
      console.warn("an event that cannot be read", error);
    }
  }

  #become(state) {
    const before = this.state;
    if (state === before && this.why === this.#refused) return;
    this.why = this.#refused;
    this.state = state;
    if (state !== before) this.since = state === "lost" ? this.#heardAt : Date.now();
    this.dispatchEvent(new CustomEvent("state", { detail: { state, before } }));
  }
}

// Lines of a stream, cut anywhere, to events.
export class Parser {
  #rest = "";
  #event = {};

  *take(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        yield this.#event;
        this.#event = {};
      } else if (!line.startsWith(":")) {
        const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
        this.#event[name] = name === "data" && this.#event.data ? `${this.#event.data}\n${value}` : value;
      }
    }
  }
}
