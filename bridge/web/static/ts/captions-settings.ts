// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { element } from "./dom";
import { coloursNamed, type Preferences } from "./captions-preferences";

/** stops: a feed that names language after language filling the list. */
const MAX_LANGUAGES = 30;

/** The small dialogue above the captions: which language, which colours. It changes the preferences and says that it did. */
export class CaptionsSettings {
  readonly #toggle = element<HTMLButtonElement>("captions-settings-toggle");
  readonly #panel = element("captions-settings");
  readonly #language = element<HTMLSelectElement>("captions-language");
  readonly #names = new Intl.DisplayNames([document.documentElement.lang], { type: "language" });

  constructor(
    readonly preferences: Preferences,
    readonly onChange: () => void,
  ) {
    const colours = element<HTMLSelectElement>("captions-colours");
    colours.value = preferences.colours;
    for (const language of ["fr", "en", "de", preferences.language]) this.offer(language);
    this.#language.value = preferences.language;
    this.#toggle.addEventListener("click", () => this.#show(this.#panel.hidden));
    colours.addEventListener("change", () => this.#set({ colours: coloursNamed(colours.value) }));
    this.#language.addEventListener("change", () => this.#set({ language: this.#language.value }));
    for (const part of [this.#toggle, this.#panel]) {
      part.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || this.#panel.hidden) return;
        this.#show(false);
        this.#toggle.focus();
      });
    }
  }

  /** Lets a language that is spoken be chosen. */
  offer(language: string): void {
    const known = [...this.#language.options].map((option) => option.value);
    if (known.includes(language) || known.length >= MAX_LANGUAGES || !/^[a-z]{2,3}$/.test(language)) return;
    this.#language.add(new Option(this.name(language), language));
  }

  /** What a language is called in the page's. */
  name(language: string): string {
    return this.#names.of(language) ?? language;
  }

  #set(change: Partial<Preferences>): void {
    Object.assign(this.preferences, change);
    this.onChange();
  }

  #show(shown: boolean): void {
    this.#panel.hidden = !shown;
    this.#toggle.setAttribute("aria-expanded", String(shown));
    if (shown) this.#language.focus();
  }
}
