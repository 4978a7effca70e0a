// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { doneAt } from "./clock";
import { explainRefusal } from "./line-editor";
import { t } from "./strings";
import type { Paragraph, Past } from "./transcript-types";

/** A button that shows what a line said before, who changed it and when; asked for each time it is opened. */
export function lineHistory(line: Paragraph, ask: () => Promise<Past[]>): { button: HTMLButtonElement; list: HTMLOListElement } {
  const button = document.createElement("button");
  const list = document.createElement("ol");
  list.className = "history";
  list.hidden = true;
  button.type = "button";
  button.className = "said-action";
  button.textContent = t("history");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => void toggle());
  return { button, list };

  async function toggle(): Promise<void> {
    const opened = list.hidden;
    if (opened) list.replaceChildren(...(await entries()));
    list.hidden = !opened;
    button.setAttribute("aria-expanded", String(opened));
  }

  async function entries(): Promise<HTMLLIElement[]> {
    try {
      return (await ask()).map((past) => entry(past, line));
    } catch (error) {
      const item = document.createElement("li");
      item.textContent = explainRefusal(error);
      return [item];
    }
  }
}

function entry(past: Past, line: Paragraph): HTMLLIElement {
  const item = document.createElement("li");
  const who = document.createElement("p");
  who.textContent = t("history_entry", { name: past.name, time: doneAt(past.at, line.start_ms) });
  item.append(who, words("del", past.before, line.lang), " ", words("ins", past.text, line.lang));
  return item;
}

function words(tag: "del" | "ins", text: string, lang: string): HTMLElement {
  const made = document.createElement(tag);
  made.lang = text ? lang : "";
  made.textContent = text || t("history_struck");
  return made;
}
