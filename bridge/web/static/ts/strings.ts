// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

type Strings = Record<string, string>;

const strings = JSON.parse(document.getElementById("strings")?.textContent ?? "{}") as Strings;

/** A text of the page's language, from the catalogue that the server put into the page. */
export function t(key: string, values: Record<string, string | number> = {}): string {
  const text = strings[key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}
