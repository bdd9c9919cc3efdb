// Questions to the API that serves this page. Whatever goes wrong is a Refusal with a sentence for a person.

import { key } from "./session.js";

export class Refusal extends Error {
  constructor(status, detail, requestId = "") {
    super(detail);
    this.status = status;
    this.requestId = requestId;
  }
}

const lost = () => new Refusal(0, "The service does not answer. It is tried again by itself.");
let onUnauthorized = () => {};
export const whenUnauthorized = (listener) => {
  onUnauthorized = listener;
};

export function address(path, query = {}) {
  const given = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

export async function request(path, { query, method = "GET", body, headers, signal } = {}) {
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method,
      signal,
      credentials: "omit",
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        Authorization: `Bearer ${key() ?? ""}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw lost();
  }
  if (answer.ok) return answer;
  const refusal = await refused(answer);
  if (refusal.status === 401) onUnauthorized(refusal);
  throw refusal;
}

async function refused(answer) {
  let told = {};
  try {
    told = await answer.json();
  } catch {
    // No problem document, so it is no answer of ours.
  }
  return new Refusal(answer.status, told.detail ?? `The service answered ${answer.status}.`, told.request_id);
}

async function read(answer, how) {
  try {
    return await answer[how]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw lost();
  }
}

export const ask = async (path, query, signal) => read(await request(path, { query, signal }), "json");

export const askText = async (path, signal) =>
  read(await request(path, { signal, headers: { Accept: "text/markdown" } }), "text");

// Every page of a list, up to `most` rows.
export async function askAll(path, query = {}, signal, most = 20000) {
  const rows = [];
  let cursor = null;
  do {
    const page = await ask(path, { limit: 5000, ...query, cursor }, signal);
    rows.push(...page.data);
    cursor = page.next;
  } while (cursor && rows.length < most);
  return rows;
}

export const post = async (path, body) => request(path, { method: "POST", body });
