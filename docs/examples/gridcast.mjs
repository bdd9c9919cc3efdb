// Ask gridcast's API, in Node (18 or newer) and in browsers: copy this file, it needs nothing else.
//
//     import { Gridcast } from './gridcast.mjs'
//     const gridcast = new Gridcast('http://127.0.0.1:8080', key)
//     const forecast = await gridcast.get('/v1/plants/roof/forecasts/latest', { levels: '0.1,0.5,0.9' })
//     for await (const { kind, data, id } of gridcast.live({ kinds: 'forecast,alert' })) ...

const AGAIN = [429, 503]
const LONGEST_WAIT_S = 60

export class Problem extends Error {
  // What the API refuses, and the id to name when asking for help.
  constructor(status, detail, requestId) {
    super(`${status}: ${detail} (request ${requestId})`)
    Object.assign(this, { status, detail, requestId })
  }
}

export class Gridcast {
  #url
  #key

  constructor(url, key, { attempts = 4, backMs = 2000 } = {}) {
    this.#url = url
    this.#key = key
    this.attempts = attempts // how often a busy server is asked
    this.backMs = backMs // how soon a stream that was cut off comes back, until the server says otherwise
  }

  // Any path, as the document that it answers with. A busy server is asked again when it said so.
  async get(path, query = {}) {
    return (await this.#ask(path, { query })).json()
  }

  // The same with a document sent along: predictions, trainings, schedules. `once`: asked twice, done once.
  async post(path, document, { once } = {}) {
    const headers = { 'Content-Type': 'application/json', ...(once && { 'Idempotency-Key': once }) }
    return (await this.#ask(path, { method: 'POST', headers, body: JSON.stringify(document) })).json()
  }

  // The rows of any list, page after page.
  async *rows(path, query = {}) {
    let cursor
    do {
      const page = await this.get(path, { ...query, cursor })
      yield* page.data
      cursor = page.next
    } while (cursor)
  }

  // What happens from now on, or from the event `lastId` on; comes back by itself where it is cut off.
  // An EventSource cannot send a key, so this reads the stream of a fetch.
  async *live(query = {}, { lastId, signal } = {}) {
    for (;;) {
      try {
        const headers = { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': lastId }) }
        const answer = await this.#ask('/v1/live', { query, headers, signal })
        query = { ...query, first: undefined } // who comes back has had it
        for await (const event of events(answer.body, (ms) => (this.backMs = ms))) {
          lastId = event.id ?? lastId // of a comment, too: it says how far the stream is
          if (event.data !== undefined) yield { kind: event.kind, data: JSON.parse(event.data), id: lastId }
        }
      } catch (error) {
        if (error instanceof Problem || signal?.aborted) throw error
      }
      await pause(this.backMs)
    }
  }

  async #ask(path, { query = {}, headers = {}, ...more }) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null)
    const address = `${this.#url}${path}?${new URLSearchParams(given)}`
    const shown = { Authorization: `Bearer ${this.#key}`, Accept: 'application/json', ...headers }
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(address, { ...more, headers: shown })
      if (answer.ok) return answer
      const told = await answer.json().catch(() => ({}))
      if (!AGAIN.includes(answer.status) || attempt >= this.attempts)
        throw new Problem(answer.status, told.detail ?? answer.statusText, told.request_id ?? '-')
      const saidS = Number(answer.headers.get('Retry-After') ?? 0.5 * 2 ** attempt)
      await pause(1000 * Math.min(saidS, LONGEST_WAIT_S))
    }
  }
}

// The events of a stream: parts of lines are kept until the rest comes, a part of an event never counts.
async function* events(body, back) {
  const text = new TextDecoder()
  let rest = ''
  let event = {}
  for await (const bytes of chunks(body)) {
    const lines = (rest + text.decode(bytes, { stream: true })).split(/\r\n|\n/)
    rest = lines.pop()
    for (const line of lines) {
      const [, field, value] = /^([a-z]*):? ?(.*)$/s.exec(line) ?? []
      if (line === '') {
        yield event
        event = {}
      } else if (field === 'id') event.id = value
      else if (field === 'event') event.kind = value
      else if (field === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`
      else if (field === 'retry') back(Number(value))
    }
  }
}

// Not every browser lets a stream be iterated.
async function* chunks(body) {
  const reader = body.getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value
  } finally {
    reader.cancel().catch(() => {}) // whoever stops listening lets go of the connection
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms))
