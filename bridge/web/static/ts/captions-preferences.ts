// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/** In rem. */
export const SIZES = [0.94, 1.06, 1.25, 1.5, 1.85, 2.3] as const;
export const USUAL_SIZE = 1;
const PLACES = ["side", "bottom"] as const;
const COLOURS = ["page", "dark", "light", "yellow"] as const;
const LANGUAGE = /^[a-z]{2,3}$/;
const KEY = "passerelle.captions";

export interface Preferences {
  /** An index into SIZES. */
  size: number;
  place: (typeof PLACES)[number];
  colours: (typeof COLOURS)[number];
  /** The one language to read, or "" for all. */
  language: string;
}

/** How a person likes captions is no secret, so it may stay in the browser. What stands there may be anything. */
export function loadPreferences(): Preferences {
  const stored = readStored();
  const size = Number(stored["size"] ?? USUAL_SIZE);
  const language = String(stored["language"] ?? "");
  return {
    size: Number.isInteger(size) && size >= 0 && size < SIZES.length ? size : USUAL_SIZE,
    place: PLACES.find((place) => place === stored["place"]) ?? "side",
    colours: coloursNamed(stored["colours"]),
    language: LANGUAGE.test(language) ? language : "",
  };
}

export function savePreferences(preferences: Preferences): void {
  localStorage.setItem(KEY, JSON.stringify(preferences));
}

export function coloursNamed(name: unknown): Preferences["colours"] {
  return COLOURS.find((colours) => colours === name) ?? "page";
}

function readStored(): Record<string, unknown> {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
