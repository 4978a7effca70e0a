// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/** The element with this id; our own templates hold it, so its absence is a fault of ours. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the template lacks #${id}`);
  return found as T;
}

export function setHidden(id: string, hidden: boolean): void {
  element(id).hidden = hidden;
}

/** Shows text in a notice, or hides the notice when there is none. */
export function setNote(id: string, text: string | null): void {
  const note = element(id);
  note.textContent = text ?? "";
  note.hidden = !text;
}

/** Says something to screen readers that sighted people see anyway. */
export function announce(text: string): void {
  element("announcer").textContent = text;
}

/** Marks a field as wrong, ties the message to it and moves there; `null` clears it. */
export function setFieldError(field: HTMLInputElement, errorId: string, text: string | null): void {
  setNote(errorId, text);
  if (text) {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  } else {
    field.removeAttribute("aria-invalid");
  }
}

/** Runs one action of a button at a time; meanwhile the button says that it is busy and ignores clicks. */
export async function whileBusy(button: HTMLButtonElement, action: () => Promise<void>): Promise<void> {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await action();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
