// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain } from "./bridge-api";
import { dayAndTime } from "./clock";
import { element, setFieldError, setHidden, whileBusy } from "./dom";
import { mark } from "./find-text";
import { dropSession, type Session, STAFF } from "./session";
import { signInSilently, staffSession } from "./staff-session";
import { t } from "./strings";
import type { Hit, SearchQuery } from "./transcript-types";

const DAY_MS = 86_400_000;

/** The search over every meeting that somebody may read. */
class SearchPage {
  readonly #form = element<HTMLFormElement>("search-form");
  readonly #words = element<HTMLInputElement>("search-words");
  readonly #results = element<HTMLOListElement>("results");
  readonly #more = element<HTMLButtonElement>("search-more");
  #asked: SearchQuery | null = null;

  constructor(readonly session: Session) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(element<HTMLButtonElement>("search-start"), () => this.#search());
    });
    this.#more.addEventListener("click", () => void whileBusy(this.#more, () => this.#continue()));
  }

  async start(): Promise<void> {
    this.#words.value = new URLSearchParams(location.search).get("q") ?? "";
    setHidden("view-search", false);
    this.#words.focus();
    const { meetings } = await bridge.meetings(this.session.token);
    element<HTMLSelectElement>("search-meeting").append(...meetings.map(({ id, title }) => new Option(title, id)));
    if (this.#words.value) await this.#search();
  }

  async #search(): Promise<void> {
    const words = this.#words.value.trim();
    setFieldError(this.#words, "search-error", words ? null : t("error_search"));
    if (!words) return;
    this.#asked = this.#query(words);
    this.#results.replaceChildren();
    await this.#continue();
  }

  #query(words: string): SearchQuery {
    const query: SearchQuery = { q: words };
    const meeting = element<HTMLSelectElement>("search-meeting").value;
    const person = element<HTMLInputElement>("search-person").value.trim();
    const from = dayOf("search-from");
    const to = dayOf("search-to");
    if (meeting) query.meeting = meeting;
    if (person) query.person = person;
    if (from !== null) query.from_ms = String(from);
    if (to !== null) query.to_ms = String(to + DAY_MS);
    return query;
  }

  async #continue(): Promise<void> {
    if (!this.#asked) return;
    try {
      const { hits, next } = await bridge.search(this.session.token, this.#asked);
      this.#results.append(...hits.map(result));
      this.#more.hidden = next === null;
      if (next !== null) this.#asked.after = next;
      const count = this.#results.childElementCount;
      const found = next === null ? t("results", { count }) : t("results_more", { count });
      element("search-state").textContent = count ? found : t("results_none");
    } catch (error) {
      if (error instanceof BridgeError && error.status === 401) signOut();
      else element("search-state").textContent = explain(error);
    }
  }
}

function result(hit: Hit): HTMLLIElement {
  const item = document.createElement("li");
  item.className = "card result";
  const link = document.createElement("a");
  const place = new URLSearchParams({ call: hit.call_id, line: hit.id });
  link.href = `/m/${encodeURIComponent(hit.meeting_id)}/transcript#${place.toString()}`;
  link.textContent = hit.title;
  const heading = document.createElement("h2");
  heading.append(link);
  const about = document.createElement("p");
  about.className = "result-about";
  const time = document.createElement("time");
  time.dateTime = new Date(hit.start_ms).toISOString();
  time.textContent = dayAndTime.format(hit.start_ms);
  about.append(hit.display_name, " · ", time);
  const text = document.createElement("p");
  text.className = "result-text";
  text.lang = hit.lang;
  text.append(...hit.parts.map((part) => (part.hit ? mark(part.text) : document.createTextNode(part.text))));
  item.append(heading, about, text);
  return item;
}

/** Midnight of a chosen day, where the person is; null when none is chosen. */
function dayOf(id: string): number | null {
  const { value } = element<HTMLInputElement>(id);
  const at = new Date(`${value}T00:00`).getTime();
  return value && Number.isFinite(at) && at >= 0 ? at : null;
}

function signOut(): void {
  dropSession(STAFF);
  setHidden("view-search", true);
  setHidden("view-sign-in", false);
}

async function start(): Promise<void> {
  try {
    const session = await staffSession();
    if (session) await new SearchPage(session).start();
    else if (!signInSilently()) signOut();
  } catch {
    signOut();
  }
}

void start();
