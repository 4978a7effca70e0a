// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

type Strings = Record<string, string | Record<string, string>>;

const strings = JSON.parse(document.getElementById("strings")?.textContent ?? "{}") as Strings;
const plurals = new Intl.PluralRules(document.documentElement.lang);

/** What the service is called here. */
export const service = document.body.dataset["service"] ?? "";

/** A text of the page's language, from the catalogue that the server put into the page; `count` chooses a plural form. */
export function t(key: string, values: Record<string, string | number> = {}): string {
  const entry = strings[key];
  const text = typeof entry === "object" ? (entry[plurals.select(Number(values["count"]))] ?? entry["other"]) : entry;
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}
