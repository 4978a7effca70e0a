// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, type Contractor, explain } from "./bridge-api";
import { CallView } from "./call-view";
import { DeviceCheck } from "./devices";
import { element, setHidden, setNote, whileBusy } from "./dom";
import { inviteProblem } from "./invite-problem";
import { dropSession, guestKey, loadSession, saveSession, type Session } from "./session";
import { t } from "./strings";
import { showProblem } from "./views";
import { warmCache } from "./warm";

/** The page of a contractor's own link: who they are here, until when, and the meetings that they may join. */
class PassPage {
  readonly #link = document.body.dataset["token"] ?? "";
  readonly #devices = new DeviceCheck();

  async start(): Promise<void> {
    let pass: Contractor;
    try {
      pass = await bridge.pass(this.#link);
    } catch (error) {
      const problem = inviteProblem(error);
      if (problem === undefined) showProblem("network", { retry: () => location.reload() }, explain(error));
      else showProblem(problem, { retry: () => location.reload() });
      return;
    }
    const { display_name, organisation, sponsor, ends_at } = pass;
    element("pass-about").textContent = t("pass_about", {
      name: organisation ? `${display_name} (${organisation})` : display_name,
      sponsor,
      date: new Date(ends_at).toLocaleDateString(document.documentElement.lang),
    });
    element("pass-meetings").replaceChildren(...pass.meetings.map((meeting) => this.#row(meeting)));
    setHidden("pass-none", pass.meetings.length > 0);
    setHidden("pass-lobby", false);
    element("pass-heading").focus();
    warmCache();
    await this.#devices.startIfAllowed();
  }

  #row({ id, title }: Contractor["meetings"][number]): HTMLLIElement {
    const row = document.createElement("li");
    row.className = "meeting card";
    const name = document.createElement("span");
    name.className = "meeting-title";
    name.textContent = title;
    const join = document.createElement("button");
    join.type = "button";
    join.className = "button button-primary";
    join.textContent = t("pass_join");
    join.setAttribute("aria-label", t("pass_join_named", { title }));
    join.addEventListener("click", () => void whileBusy(join, () => this.#join(id)));
    row.append(name, join);
    return row;
  }

  async #join(meetingId: string): Promise<void> {
    const key = guestKey(`${this.#link}.${meetingId}`);
    setNote("pass-error", null);
    try {
      const session: Session = loadSession(key) ?? (await bridge.enterAsContractor(this.#link, meetingId));
      saveSession(key, session);
      if (!session.meeting) return;
      const { choice } = this.#devices;
      this.#devices.stop();
      new CallView(session, session.meeting, () => dropSession(key)).join(choice);
    } catch (error) {
      const problem = inviteProblem(error);
      if (problem === undefined) setNote("pass-error", explain(error));
      else showProblem(problem);
    }
  }
}

void new PassPage().start();
