// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, type Contractor, explain } from "./bridge-api";
import { CallView } from "./call-view";
import { DeviceCheck } from "./devices";
import { announce, element, row, rowButton, setHidden, setNote } from "./dom";
import { inviteProblem } from "./invite-problem";
import { dropSession, guestKey, loadSession, saveSession, type Session } from "./session";
import { t } from "./strings";
import { showProblem } from "./views";
import { isPlace, type Place, Waiting } from "./waiting";
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
    void warmCache();
    await this.#devices.startIfAllowed();
  }

  #row({ id, title }: Contractor["meetings"][number]): HTMLLIElement {
    const join = rowButton(t("pass_join"), t("pass_join_named", { title }), () => this.#join(id));
    join.classList.add("button-primary");
    return row(title, join);
  }

  #wait(meetingId: string): void {
    setHidden("doors", true);
    const back = (): void => setHidden("doors", false);
    new Waiting(`/c/${encodeURIComponent(this.#link)}/${encodeURIComponent(meetingId)}`, {
      onAdmitted: async () => {
        await this.#join(meetingId);
        setHidden("waiting", true);
        back();
      },
      onOver: (_errcode, ask) => {
        back();
        showProblem("over", {}, ask ? t("problem_over_ask", { ask }) : undefined);
      },
      onLeft: () => {
        back();
        announce(t("waiting_left"));
        element("pass-heading").focus();
      },
    }).start();
  }

  async #join(meetingId: string): Promise<void> {
    const key = guestKey(`${this.#link}.${meetingId}`);
    setNote("pass-error", null);
    try {
      const session: Session | { place: Place } = loadSession(key) ?? (await bridge.enterAsContractor(this.#link, meetingId));
      if (isPlace(session)) {
        this.#wait(meetingId);
        return;
      }
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
