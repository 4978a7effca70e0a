// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

const language = document.body.dataset["lang"];
const time = new Intl.DateTimeFormat(language, { timeStyle: "short", hourCycle: "h23" });

/** A day and a time of it, in the language of the page. */
export const dayAndTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

/** When something was done to what was said at another moment (both Unix ms): the day only where it is another one. */
export function doneAt(done: number, said: number): string {
  const sameDay = new Date(done).toDateString() === new Date(said).toDateString();
  return (sameDay ? time : dayAndTime).format(done);
}
