// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { CaptionsModel, type Segment, sameSpeaker, splitStable, type Translation } from "./captions-model";
import { loadPreferences, savePreferences, SIZES, USUAL_SIZE } from "./captions-preferences";
import { CaptionsSettings } from "./captions-settings";
import { announce, element } from "./dom";
import { t } from "./strings";

/** Closer to the end than this, the pane follows what is said. */
const FOLLOW_PX = 48;
/** stops: the live region, which only has to be read once, from growing. */
const MAX_SPOKEN = 20;
/** A window that is narrower has no room for captions beside the call. */
const NARROW = window.matchMedia("(max-width: 52rem)");
interface Wording {
  stable: string;
  tail: string;
  /** Of the words; empty where they are the page's own. */
  lang: string;
  origin: string;
  unread: boolean;
}

/** The pane beside the call: lines that grow and settle, for eyes and for screen readers. */
export class CaptionsPane {
  readonly #stage = element("view-call");
  readonly #pane = element("captions");
  readonly #scroll = element("captions-scroll");
  readonly #lines = element<HTMLOListElement>("captions-lines");
  readonly #live = element("captions-live");
  readonly #latest = element<HTMLButtonElement>("captions-latest");
  readonly #toggle = element<HTMLButtonElement>("captions-toggle");
  readonly #model = new CaptionsModel();
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #spoken = new Set<string>();
  readonly #preferences = loadPreferences();
  readonly #settings = new CaptionsSettings(this.#preferences, () => this.#apply());
  #shown = true;

  constructor() {
    element("captions-smaller").addEventListener("click", () => this.#resize(-1));
    element("captions-larger").addEventListener("click", () => this.#resize(1));
    element("captions-move").addEventListener("click", () => {
      this.#preferences.place = this.#preferences.place === "side" ? "bottom" : "side";
      this.#apply();
    });
    element("captions-close").addEventListener("click", () => {
      this.#show(false);
      this.#toggle.focus();
    });
    this.#toggle.addEventListener("click", () => this.#show(!this.#shown));
    this.#latest.addEventListener("click", () => this.#follow());
    this.#scroll.addEventListener("scroll", () => {
      if (this.#isAtEnd()) this.#latest.hidden = true;
    });
    NARROW.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  /** Says how captions stand; `on` is said shortly where there is little room. */
  setStatus(text: string, state: string): void {
    const status = element("captions-status");
    status.dataset["state"] = state;
    if (status.textContent !== text) status.textContent = text;
  }

  /** Shows a segment that is new or has changed. */
  take(segment: Segment): void {
    this.#update(() => this.#model.take(segment) && segment);
  }

  /** Takes what a segment says in another language; shows it to whoever reads that. */
  translate(translation: Translation): void {
    const segment = this.#model.translate(translation);
    if (translation.lang === this.#preferences.language) this.#update(() => segment);
  }

  #update(change: () => Segment | false | undefined): void {
    const following = this.#isAtEnd();
    const segment = change();
    if (!segment) return;
    this.#settings.offer(segment.lang);
    this.#draw();
    this.#speak(segment);
    if (following) this.#follow();
    else this.#latest.hidden = false;
  }

  #draw(): void {
    const known = new Set<string>();
    let previous: Segment | null = null;
    let before: Element | null = null;
    for (const segment of this.#model.segments) {
      known.add(segment.id);
      const item = this.#items.get(segment.id) ?? this.#newItem(segment.id);
      const expected: Element | null = before ? before.nextElementSibling : this.#lines.firstElementChild;
      if (expected !== item) this.#lines.insertBefore(item, expected);
      const same = previous !== null && sameSpeaker(previous, segment);
      item.classList.toggle("caption-same", same);
      this.#fill(item, segment);
      item.hidden = same && previous?.lang === segment.lang && this.#wording(segment).unread;
      before = item;
      previous = segment;
    }
    for (const [id, item] of this.#items) {
      if (known.has(id)) continue;
      item.remove();
      this.#items.delete(id);
      this.#spoken.delete(id);
    }
  }

  #newItem(id: string): HTMLLIElement {
    const item = document.createElement("li");
    item.className = "caption";
    for (const part of ["speaker", "stable", "tail", "origin"]) {
      const span = document.createElement("span");
      span.className = `caption-${part}`;
      item.append(span);
    }
    this.#items.set(id, item);
    return item;
  }

  #fill(item: HTMLLIElement, segment: Segment): void {
    const { stable, tail, lang, origin, unread } = this.#wording(segment);
    const shown = `${segment.rev} ${lang} ${origin && stable}`;
    if (item.dataset["shown"] === shown) return;
    item.dataset["shown"] = shown;
    item.dataset["final"] = String(segment.final);
    item.dataset["unread"] = String(unread);
    const texts = [segment.display_name, stable, tail, origin];
    [...item.children].forEach((part, index) => (part.textContent = texts[index] ?? ""));
    for (const index of [1, 2]) (item.children[index] as HTMLElement).lang = lang;
  }

  /**
   * How a segment reads for this person: as it was spoken, in the language that they chose, or (nobody translated it)
   * only that something is said, and in which language.
   */
  #wording(segment: Segment): Wording {
    const { language } = this.#preferences;
    const [stable, tail] = splitStable(segment);
    const spoken = { stable, tail, lang: segment.lang, origin: "", unread: false };
    if (language === "" || segment.lang === "" || segment.lang === language) return spoken;
    const from = { language: this.#settings.name(segment.lang) };
    const text = this.#model.translated(segment, language);
    if (text !== undefined) {
      return { stable: text, tail: "", lang: language, origin: t("captions_translated", from), unread: false };
    }
    return { stable: t("captions_speaks", from), tail: "", lang: "", origin: "", unread: true };
  }

  /** Finals only, once each: a screen reader that reads every partial is of no use to anybody. */
  #speak(segment: Segment): void {
    const { stable, lang, unread } = this.#wording(segment);
    if (!segment.final || !segment.text || unread || this.#spoken.has(segment.id)) return;
    this.#spoken.add(segment.id);
    const line = document.createElement("p");
    line.lang = lang;
    line.textContent = t("captions_line", { name: segment.display_name, text: stable });
    this.#live.append(line);
    while (this.#live.childElementCount > MAX_SPOKEN) this.#live.firstElementChild?.remove();
  }

  #isAtEnd(): boolean {
    return this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < FOLLOW_PX;
  }

  #follow(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#latest.hidden = true;
  }

  #resize(step: number): void {
    this.#preferences.size = Math.min(Math.max(this.#preferences.size + step, 0), SIZES.length - 1);
    this.#apply();
    const size = SIZES[this.#preferences.size] ?? 1;
    announce(t("text_size", { percent: Math.round((size / (SIZES[USUAL_SIZE] ?? 1)) * 100) }));
  }

  #show(shown: boolean): void {
    this.#shown = shown;
    this.#apply();
  }

  #apply(): void {
    const following = this.#isAtEnd();
    const place = NARROW.matches ? "bottom" : this.#preferences.place;
    this.#stage.dataset["captions"] = this.#shown ? place : "hidden";
    this.#toggle.setAttribute("aria-expanded", String(this.#shown));
    this.#pane.style.setProperty("--captions-size", `${SIZES[this.#preferences.size]}rem`);
    this.#pane.dataset["colours"] = this.#preferences.colours;
    this.#draw();
    savePreferences(this.#preferences);
    if (following) this.#follow();
  }
}
