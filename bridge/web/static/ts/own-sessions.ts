// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, explain, type OwnSession } from "./bridge-api";
import { announce, element, whileBusy } from "./dom";
import type { Session } from "./session";
import { t } from "./strings";

const when = new Intl.DateTimeFormat(document.body.dataset["lang"], { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

/** Where somebody is signed in: read when they open the list, each session but this one with a button to end it. */
export function showOwnSessions(session: Session): void {
  const details = element<HTMLDetailsElement>("own-sessions");
  details.addEventListener("toggle", () => {
    if (details.open) void list(session);
  });
}

async function list(session: Session): Promise<void> {
  const state = element("own-sessions-state");
  try {
    const { sessions } = await bridge.ownSessions(session.token);
    element("own-sessions-list").replaceChildren(...sessions.map((one) => row(session, one)));
    state.textContent = "";
  } catch (error) {
    state.textContent = explain(error);
  }
}

function row(session: Session, one: OwnSession): HTMLLIElement {
  const made = document.createElement("li");
  made.className = "meeting card";
  const name = document.createElement("span");
  name.className = "meeting-title";
  const browser = one.browser || t("session_unknown");
  const since = when.format(new Date(one.seen_at));
  name.textContent = one.current ? t("session_current", { browser }) : t("session_seen", { browser, since });
  made.append(name);
  if (!one.current) {
    const end = document.createElement("button");
    end.type = "button";
    end.className = "button";
    end.textContent = t("session_end");
    end.setAttribute("aria-label", t("session_end_named", { browser, since }));
    end.addEventListener("click", () =>
      void whileBusy(end, async () => {
        try {
          await bridge.endSession(session.token, one.id);
          made.remove();
          announce(t("session_ended"));
          element("own-sessions").querySelector("summary")?.focus();
        } catch (error) {
          element("own-sessions-state").textContent = explain(error);
        }
      }),
    );
    made.append(end);
  }
  return made;
}
