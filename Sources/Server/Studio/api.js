/** Requests to the server that gave the page, by relative addresses: behind a proxy it may live in a folder. */

import { askKey, storedKey } from "./key.js";

/** What the server refused, in its own words. */
export class Refusal extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.param = error.param ?? null;
    this.type = error.type;
  }
}

/** The server did not answer at all. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer. What you have set is kept; try again when it is back.");
  }
}

const listeners = new Set();

/** Calls back with whether the server answered, at every request. */
export const onContact = (listener) => listeners.add(listener);

async function once(path, { method = "GET", json, body, type, signal }, key) {
  const headers = {};
  if (key) headers.authorization = `Bearer ${key}`;
  if (json !== undefined) headers["content-type"] = "application/json";
  else if (type) headers["content-type"] = type;
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method, headers, signal, body: json === undefined ? body : JSON.stringify(json), cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    for (const listener of listeners) listener(false);
    throw new Unreachable();
  }
  for (const listener of listeners) listener(true);
  return response;
}

async function refusal(response) {
  let error = null;
  try {
    error = (await response.json()).error;
  } catch {
    // A proxy's page, or nothing: the status has to say it.
  }
  return new Refusal(response.status, error?.message ? error : { message: `The server answered with the status ${response.status}.` });
}

/**
 * One request; asks for a key where the server wants one, and tries again with it.
 * @returns {Promise<Response>} of a status from 200 to 299.
 * @throws {Refusal} with the server's sentence, or {@link Unreachable}, or an AbortError.
 */
export async function request(path, options = {}) {
  for (;;) {
    const key = storedKey();
    const response = await once(path, options, key);
    if (response.ok) return response;
    const error = await refusal(response);
    if (response.status !== 401 || options.silent) throw error;
    // Another request may have been given a key meanwhile.
    if (storedKey() === key && !(await askKey(key ? error.message : ""))) throw error;
  }
}

export const get = async (path, options) => (await request(path, options)).json();
export const send = async (path, method, json, options) => (await request(path, { ...options, method, json })).json();

/** A map's address. */
export const mapPath = (name, part = "") => `v1/maps/${encodeURIComponent(name)}${part}`;
