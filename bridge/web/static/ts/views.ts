// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { element } from "./dom";
import { t } from "./strings";

export type View = "door" | "call" | "left" | "problem";

const VIEWS: readonly View[] = ["door", "call", "left", "problem"];
const MAINS: Record<View, string> = { door: "main", call: "stage-main", left: "view-left", problem: "view-problem" };
const HEADINGS: Partial<Record<View, string>> = { left: "left-heading", problem: "problem-heading" };

/** Shows one view of the page and moves the reader to its heading. */
export function showView(view: View): void {
  for (const name of VIEWS) {
    const section = document.getElementById(`view-${name}`);
    if (section) section.hidden = name !== view;
  }
  document.querySelector<HTMLAnchorElement>(".skip-link")?.setAttribute("href", `#${MAINS[view]}`);
  const heading = HEADINGS[view];
  if (heading !== undefined) element(heading).focus();
}

export interface Remedy {
  retry?: () => void;
  signIn?: string;
}

/** Shows what went wrong and what the person can do: `problem_<kind>_heading` and `_text` of the catalogue. */
export function showProblem(kind: string, remedy: Remedy = {}, text = t(`problem_${kind}_text`)): void {
  element("problem-heading").textContent = t(`problem_${kind}_heading`);
  element("problem-text").textContent = text;
  const retry = element<HTMLButtonElement>("problem-retry");
  retry.hidden = !remedy.retry;
  retry.onclick = () => remedy.retry?.();
  const signIn = element<HTMLAnchorElement>("problem-sign-in");
  signIn.hidden = remedy.signIn === undefined;
  if (remedy.signIn !== undefined) signIn.href = remedy.signIn;
  showView("problem");
}
