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

/** A button of a list: what it says, and its whole name for whoever does not see the row. */
export function rowButton(text: string, name: string, action: () => Promise<void>): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = text;
  button.setAttribute("aria-label", name);
  button.addEventListener("click", () => void whileBusy(button, action));
  return button;
}

/** A line of a list: a text, and what can be done about it. */
export function row(text: string, ...actions: HTMLElement[]): HTMLLIElement {
  const made = document.createElement("li");
  made.className = "meeting card";
  const title = document.createElement("span");
  title.className = "meeting-title";
  title.textContent = text;
  made.append(title, ...actions);
  return made;
}

/** A line of a list about somebody: a name, what is known of them, and what can be done about them. */
export function personRow(name: string, about: string, ...actions: HTMLElement[]): HTMLLIElement {
  const made = document.createElement("li");
  made.className = "person card";
  const text = document.createElement("span");
  text.className = "person-name";
  text.textContent = name;
  const more = document.createElement("span");
  more.className = "muted";
  more.textContent = about;
  const buttons = document.createElement("span");
  buttons.className = "person-actions";
  buttons.append(...actions);
  made.append(text, more, buttons);
  return made;
}

/** Does something when a form is sent, once at a time. */
export function onSubmit(formId: string, action: () => Promise<void>): void {
  const form = element<HTMLFormElement>(formId);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
    if (button) void whileBusy(button, action);
  });
}

/** Hands a file to the browser to keep. */
export function save({ content, name }: { content: Blob; name: string }): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Shows what a meeting is about, as it was written; nothing where nothing was. */
export function showAgenda(id: string, agenda: string): void {
  element(`${id}-text`).textContent = agenda;
  setHidden(id, agenda.trim() === "");
}

/** Says something to screen readers that sighted people see anyway. */
export function announce(text: string): void {
  element("announcer").textContent = text;
}

/** Marks a field as wrong, ties the message to it and moves there; `null` clears it. */
export function setFieldError(field: HTMLInputElement | HTMLTextAreaElement, errorId: string, text: string | null): void {
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
