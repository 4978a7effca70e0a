// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/** Lower case and without accents, and for each letter of that its place in the text. */
function fold(text: string): [folded: string, place: number[]] {
  let folded = "";
  const place: number[] = [];
  for (let index = 0; index < text.length; index++) {
    for (const letter of text.charAt(index).toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "")) {
      folded += letter;
      place.push(index);
    }
  }
  return [folded, place];
}

/** The text with every place where the words stand marked; null when they stand nowhere. */
export function markText(text: string, words: string): Node[] | null {
  const [needle] = fold(words);
  const [folded, place] = fold(text);
  if (!needle) return [document.createTextNode(text)];
  const parts: Node[] = [];
  let shown = 0;
  for (let at = folded.indexOf(needle); at >= 0; at = folded.indexOf(needle, at + needle.length)) {
    const start = place[at] ?? 0;
    const end = place[at + needle.length] ?? text.length;
    if (start < shown) continue;
    parts.push(document.createTextNode(text.slice(shown, start)), mark(text.slice(start, end)));
    shown = end;
  }
  if (parts.length === 0) return null;
  parts.push(document.createTextNode(text.slice(shown)));
  return parts;
}

export function mark(text: string): HTMLElement {
  const marked = document.createElement("mark");
  marked.textContent = text;
  return marked;
}
